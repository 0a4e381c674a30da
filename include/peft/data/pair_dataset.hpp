// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <string>
#include <vector>

namespace peft {

/// A text and what a model is to write for it.
struct TextPair {
  std::string source, target;
  std::vector<std::string> references;  // all texts that are right, when evaluating; empty: the target alone
};

/// One split of a data set of text pairs in memory.
struct PairDataset {
  std::string source;  // the file, for messages
  std::string split;   // "train", "dev", ...
  std::vector<TextPair> pairs;
  bool labelled = true;        // otherwise all targets are empty
  std::vector<double> labels;  // by pair, the class or score that a target spells; empty where they spell none
  std::vector<std::string> notes{};  // as Dataset's
};

/// One pair for every source, in the order of their first appearance, with the targets of all its pairs as references.
/// For evaluation: a model is asked once per source. Their classes are lost.
PairDataset group_by_source(PairDataset data);

}  // namespace peft

#ifndef PEFT_SEPARATE
#include <peft/data/pair_dataset.ipp>
#endif
