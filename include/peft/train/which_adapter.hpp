// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <span>
#include <vector>

namespace peft {

/// Which of a model's adapters the sequences of a batch run with: one number for all, or one each.
class WhichAdapter {
 public:
  WhichAdapter(int all = 0) : all_(all) {}
  WhichAdapter(std::span<const int> each) : each_(each) {}
  WhichAdapter(const std::vector<int>& each) : each_(each) {}

  int of(int sequence) const { return each_.empty() ? all_ : each_[static_cast<std::size_t>(sequence)]; }

  /// Those that are met in a batch, in ascending order. Throws Error unless there is one for each of its sequences, the
  /// same for the `together` ones of an example.
  std::vector<int> met(int sequences, int together) const;
  /// The cuts of a batch into groups, and one more wherever the adapter changes: a group runs with one.
  std::vector<int> cut(const std::vector<int>& groups) const;

 private:
  int all_ = 0;
  std::span<const int> each_;
};

}  // namespace peft

#ifndef PEFT_SEPARATE
#include <peft/train/which_adapter.ipp>
#endif
