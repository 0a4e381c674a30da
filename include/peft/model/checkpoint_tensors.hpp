// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <peft/core/inline.hpp>
#include <peft/io/checkpoint.hpp>

namespace peft {

/// A checkpoint's tensors as a model asks for them, and which of them it has taken. Loading is strict: `finish` refuses what
/// nobody asked for.
class CheckpointTensors {
 public:
  CheckpointTensors() = default;
  /// Names are looked up as given and with `prefix` taken off ("bert." is left out by files that hold the bare encoder).
  CheckpointTensors(Checkpoint checkpoint, std::string prefix) : checkpoint_({std::move(checkpoint)}), prefix_(std::move(prefix)) {}

  bool has(const std::string& name) const { return find(name) != nullptr; }
  /// Does the file hold the tensor as a vector?
  bool vector(const std::string& name) const;
  /// The tensor, of floats and as (rows, cols); a vector is (1, n). Throws Error where it is not.
  const TensorRef& take(const std::string& name, int rows, int cols);
  const Checkpoint* checkpoint() const { return checkpoint_.empty() ? nullptr : &checkpoint_.front(); }

  /// Every tensor of the file was asked for, or the beginning of its name (without the prefix) matches one of `ignored`, in which * is any text.
  void finish(const std::vector<std::string>& ignored) const;

 private:
  const TensorRef* find(const std::string& name) const;
  std::string source() const;

  std::vector<Checkpoint> checkpoint_;  // one or none
  std::string prefix_;
  std::set<std::string> used_;
};

}  // namespace peft

#ifndef PEFT_SEPARATE
#include <peft/model/checkpoint_tensors.ipp>
#endif
