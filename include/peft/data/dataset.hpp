// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstddef>
#include <cstdint>
#include <peft/text/example.hpp>
#include <string>
#include <vector>

namespace peft {

/// One split of a data set in memory.
struct Dataset {
  Dataset() = default;
  /// Texts and their labels as words, scores or indices: what they mean is decided as of a table's (`read_csv`), by
  /// `train` where these are not the training data. Throws Error naming the text, from 1, where a label is none.
  Dataset(const std::vector<std::string>& texts, const std::vector<std::string>& labels,
          const Dataset* train = nullptr);

  std::string source;  // the file, for messages
  std::vector<Example> examples;
  std::vector<std::string> label_names;  // by class index; empty for regression
  bool regression = false;               // one score per example instead of a class
  bool pairs = false;                    // two sentences per example, of which the second may be empty
  bool labelled = true;                  // otherwise every target is 0 and means nothing
  int together = 1;  // consecutive examples that are the choices of one question; the first carries the target
  bool tagged = false;  // a label per word: `a` is the words with a space between
  std::vector<std::vector<std::int32_t>> tags{};  // where tagged, by example and word: index into label_names, -1: none
  std::size_t skipped = 0;  // malformed rows that were left out, where a task's official files hold some
  std::vector<std::string> notes{};  // decisions of the reader that the user should know, a line each

  /// Outputs of a classification head, or 1.
  int outputs() const { return regression || together > 1 ? 1 : static_cast<int>(label_names.size()); }
};

/// Whether a split without labels is an error; `ignored` labels are not read.
enum class Labels { Required, Optional, Ignored };

/// What the labels of a table are: decided by how they are spelled (see `read_csv`), or as told.
enum class LabelKind { Automatic, Classes, Scores };

}  // namespace peft

#ifndef PEFT_SEPARATE
#include <peft/data/dataset.ipp>
#endif
