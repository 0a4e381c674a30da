// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <string>
#include <vector>

#include <peft/data/batch.hpp>
#include <peft/model/group.hpp>
#include <peft/train/groups.hpp>

namespace peft {

/// What a model takes as a batch.
struct BatchRules {
  int vocabulary = 0,
      types = 0;  // of the backbone: token ids, segment types (up to 1: those of a batch are not looked at)
  int positions = 0;              // of the backbone
  int together = 1;               // sequences that are one example
  int input_rows = 0;             // that the method puts before every sequence
  int prefix_rows = 0;            // keys and values that it puts there
  bool pairs = false;             // each sequence has a second side, for the decoder
  bool words = false;             // targets are tokens
  bool marked = false;            // the method acts on special tokens
};

/// Virtual tokens take positions, before the text's own. Throws Error when a sequence of `longest` tokens has no room.
void check_length(const BatchRules& rules, int longest);

/// Throws Error when a batch is not what the model takes.
void check_batch(const BatchRules& rules, const Batch& batch);

/// Groups of a batch: group g has sequences at[g] .. at[g + 1]; `largest`: room for each of them.
struct Cuts {
  std::vector<int> at;
  GroupShape largest;
  int groups() const { return static_cast<int>(at.size()) - 1; }
};
/// Throws Error when a sequence is empty.
Cuts cut_batch(const BatchRules& rules, const Batch& batch, const Grouping& grouping);

/// The larger of each size.
GroupShape grown(const GroupShape& a, const GroupShape& b);

}  // namespace peft

#ifndef PEFT_SEPARATE
#include <peft/train/batch_rules.ipp>
#endif
