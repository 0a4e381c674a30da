// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <string>
#include <vector>

#include <peft/data/batch.hpp>
#include <peft/model/group.hpp>
#include <peft/train/groups.hpp>

namespace peft {

/// The bounds that a model sets for its batches.
struct BatchRules {
  int vocabulary = 0,
      types = 0;  // of the backbone: token ids, segment types (0 or 1: a batch's segments are ignored)
  int positions = 0;              // of the backbone
  int together = 1;               // sequences per example
  int input_rows = 0;             // virtual tokens that the method prepends to every sequence
  int prefix_rows = 0;            // virtual keys and values that it prepends
  bool pairs = false;             // every sequence has a target sequence, for the decoder
  bool words = false;             // targets are tokens
  bool marked = false;            // the method acts on special tokens
};

/// Virtual tokens occupy positions before the text's. Throws Error when `longest` tokens do not fit behind them.
void check_length(const BatchRules& rules, int longest);

/// Throws Error for a batch outside these bounds.
void check_batch(const BatchRules& rules, const Batch& batch);

/// Groups of a batch: group g holds sequences at[g] .. at[g + 1]; `largest` bounds every group's size.
struct Cuts {
  std::vector<int> at;
  GroupShape largest;
  int groups() const { return static_cast<int>(at.size()) - 1; }
};
/// Throws Error when a sequence is empty.
Cuts cut_batch(const BatchRules& rules, const Batch& batch, const Grouping& grouping);

/// The elementwise maximum.
GroupShape grown(const GroupShape& a, const GroupShape& b);

}  // namespace peft

#ifndef PEFT_SEPARATE
#include <peft/train/batch_rules.ipp>
#endif
