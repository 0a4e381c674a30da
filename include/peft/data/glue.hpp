// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <string>
#include <string_view>
#include <vector>

namespace peft {

/// A task of GLUE (Wang et al. 2018) as its official files hold it.
struct GlueTask {
  std::string name;                       // "sst2"
  std::string folder;                     // "SST-2", where the download script puts it
  std::vector<std::string> labels;  // by class index, in the order of Hugging Face's data sets; none for a score
  std::vector<std::string> metrics;  // its GLUE score is their mean
  std::string a, b, label;  // columns of the first and second sentence ("" for one alone) and the label
  std::vector<std::string> headerless{};  // the columns of the training and dev files where they have no header
  bool drops_short_rows = false;  // the official file has broken lines, which everybody leaves out
  double low = 0, high = 0;  // range of the score
  bool spelled = false;  // its files have the classes' names, not their numbers

  bool regression() const { return labels.empty(); }

  /// The names that the file of a split may have, the first that exists counting. Microsoft's own release of MRPC has
  /// no dev split: its labelled test split then serves as one. Throws Error for a split the task does not have.
  std::vector<std::string> files(std::string_view split) const;

  /// A class of that name as the task's files and its leaderboard have it: "1", or "entailment".
  std::string answer(std::string_view label) const;
  /// What GLUE's leaderboard calls the file of a test split's answers: "SST-2.tsv", "MNLI-mm.tsv".
  std::string submission(std::string_view split) const;
};

/// The nine tasks.
const std::vector<GlueTask>& glue_tasks();

/// Is it the name of one of them, as it stands there?
bool is_glue_task(std::string_view name);

/// The task of a name; upper case, '-' and '_' do not matter ("STS-B", "stsb"). Throws Error listing the names.
const GlueTask& glue_task(std::string_view name);

}  // namespace peft

#ifndef PEFT_SEPARATE
#include <peft/data/glue.ipp>
#endif
