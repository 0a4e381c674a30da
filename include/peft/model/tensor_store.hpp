// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
#include <limits>
#include <map>
#include <set>
#include <span>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include <peft/core/dtype.hpp>
#include <peft/core/error.hpp>
#include <peft/core/memory.hpp>
#include <peft/core/tensor.hpp>
#include <peft/core/transfer.hpp>
#include <peft/core/transposed.hpp>
#include <peft/io/checkpoint.hpp>
#include <peft/model/checkpoint_tensors.hpp>

namespace peft {

/// The immutable tensors of a backbone by name. Those of a checkpoint that already have the right scalar type, alignment and
/// memory are used where they are mapped; others are converted once.
template <class T, ExecutionSpace E>
class TensorStore {
 public:
  using C = Mat<const T, E>;

  TensorStore() = default;
  TensorStore(Checkpoint checkpoint, TensorNames names) : file_(std::move(checkpoint), std::move(names)) {}

  bool has(const std::string& name) const { return file_.has(name); }

  /// The tensor as (rows, cols); a vector is (1, n).
  C load(const std::string& name, Extent rows, Extent cols) {
    const TensorRef& ref = file_.take(name, rows, cols);
    constexpr DType mine = std::is_same_v<T, double> ? DType::F64 : DType::F32;
    const bool aligned = reinterpret_cast<std::uintptr_t>(ref.bytes.data()) % alignof(T) == 0;
    if (on_host<E> && ref.dtype == mine && aligned)
      return put(name, C(reinterpret_cast<const T*>(ref.bytes.data()), rows, cols));
    const auto values = ref.values<T>();
    return put(name, own(name, values, rows, cols));
  }

  /// The tensor as (rows, cols), which the file holds transposed.
  C load_transposed(const std::string& name, Extent rows, Extent cols) {
    const C stored = load(name, cols, rows);
    transposed_.insert(name);
    return put(name, own(name, peft::transposed(downloaded<E>(stored.data(), stored.size()), cols, rows), rows, cols));
  }

  /// Throws Error where a tensor that was loaded holds a number that is not finite, `rows`: in these rows, of a table. Nothing is looked
  /// at twice; of what was made here, nothing at all.
  void check_finite(const std::string& name) const {
    if (from_file(name)) file_.check_finite(name, largest);
  }
  void check_finite(const std::string& name, std::span<const std::int32_t> rows) const {
    if (from_file(name)) file_.check_finite(name, largest, rows);
  }

  /// Does the file hold the tensor (cols, rows)?
  bool transposed(const std::string& name) const { return transposed_.count(name) != 0; }
  /// Does the file hold the tensor as a vector?
  bool vector(const std::string& name) const { return file_.vector(name); }

  /// A tensor made here, not read.
  C make(const std::string& name, const std::vector<T>& values, Extent rows, Extent cols) {
    made_.insert(name);
    return put(name, own(name, values, rows, cols));
  }
  /// A tensor loaded or made before.
  const C& at(const std::string& name) const {
    const auto found = tensors_.find(name);
    if (found == tensors_.end()) fail("the backbone has no tensor ", name);
    return found->second;
  }
  bool loaded(const std::string& name) const { return tensors_.count(name) != 0; }
  const std::map<std::string, C>& tensors() const { return tensors_; }
  /// Lets go of all other tensors, and of the memory that only they take.
  void keep_only(const std::set<std::string>& names) {
    const auto other = [&](const auto& entry) { return names.count(entry.first) == 0; };
    std::erase_if(tensors_, other);
    std::erase_if(blocks_, other);
  }
  /// What they are loaded from.
  CheckpointTensors& file() { return file_; }
  const CheckpointTensors& file() const { return file_; }

 private:
  static constexpr double largest = std::numeric_limits<T>::max();

  bool from_file(const std::string& name) const { return loaded(name) && !made_.contains(name); }
  C put(const std::string& name, C tensor) { return tensors_[name] = tensor; }
  C own(const std::string& name, const std::vector<T>& values, Extent rows, Extent cols) {
    const auto& block = blocks_[name] = Memory<T, E>("peft::weight", values);
    return C(block.data(), rows, cols);
  }

  CheckpointTensors file_;
  std::map<std::string, Memory<T, E>> blocks_;  // of tensors that are not used as mapped
  std::map<std::string, C> tensors_;
  std::set<std::string> made_, transposed_;  // not from the file; held transposed there
};

}  // namespace peft
