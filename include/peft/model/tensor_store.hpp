// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
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
#include <peft/core/stored.hpp>
#include <peft/core/tensor.hpp>
#include <peft/core/transfer.hpp>
#include <peft/core/transposed.hpp>
#include <peft/io/checkpoint.hpp>
#include <peft/model/checkpoint_tensors.hpp>

namespace peft {

/// What loading tensors takes.
struct LoadSizes {
  std::uint64_t copied = 0;   // bytes of tensors that cannot be used as they are mapped
  std::uint64_t passing = 0;  // the most that making one of these takes beside itself
};

/// The immutable tensors of a backbone by name. Those of a checkpoint that already have the right scalar type,
/// alignment and memory are used where they are mapped; others are converted once.
template <class T, ExecutionSpace E>
class TensorStore {
 public:
  using Tensor = Weight<T, E>;

  TensorStore() = default;
  TensorStore(Checkpoint checkpoint, TensorNames names) : file_(std::move(checkpoint), std::move(names)) {}

  bool has(const std::string& name) const { return file_.has(name); }

  /// The tensor as (rows, cols); a vector is (1, n).
  Tensor load(const std::string& name, Extent rows, Extent cols) {
    const TensorRef& ref = take(name, rows, cols);
    if (on_host<E> && as_it_is(ref)) return put(name, plain(mapped(ref), rows, cols));
    return put(name,
               own(name, rows, cols, [&](T* to) { ref.read(std::span<T>(to, static_cast<std::size_t>(ref.size()))); }));
  }

  /// The tensor as (rows, cols), which the file holds transposed.
  Tensor load_transposed(const std::string& name, Extent rows, Extent cols) {
    const TensorRef& ref = take(name, cols, rows);
    transposed_.insert(name);
    if (counting_ && !as_it_is(ref)) sizes_.passing = std::max(sizes_.passing, bytes_of(rows, cols));
    return put(name, own(name, rows, cols, [&](T* to) {
                 if (as_it_is(ref)) return transpose(mapped(ref), cols, rows, to);
                 const auto values = ref.values<T>();
                 transpose(values.data(), cols, rows, to);
               }));
  }
  /// While it counts, tensors have no memory, and `loads` says what they will take.
  void count(bool yes) {
    counting_ = yes;
    if (yes) sizes_ = {};
  }
  const LoadSizes& loads() const { return sizes_; }
  /// Where a tensor lies in its file; nothing for one that was made.
  std::span<const std::byte> source(const std::string& name) const {
    const auto found = sources_.find(name);
    return found == sources_.end() ? std::span<const std::byte>() : found->second;
  }

  /// Throws Error where a tensor that was loaded holds a number that is not finite, `rows`: in these rows, of a table.
  /// Nothing is looked at twice; of what was made here, nothing at all.
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
  Tensor make(const std::string& name, const std::vector<T>& values, Extent rows, Extent cols) {
    made_.insert(name);
    sources_.erase(name);
    return put(name, own(name, rows, cols, [&](T* to) { std::copy(values.begin(), values.end(), to); }));
  }
  /// From now on the tensor's numbers are kept rounded to `type`.
  Tensor keep_as(DType type, const std::string& name) {
    const Tensor from = at(name);
    const std::vector<T> values = host_values(from);
    std::vector<std::byte> rounded(values.size() * size_of(type));
    encode(type, std::span<const T>(values), rounded.data());
    auto& block = blocks_[name] = Memory<std::byte, E>("peft::weight", rounded);
    return put(name, Tensor(block.data(), type, from.rows(), from.cols(), true));
  }
  /// A tensor loaded or made before.
  const Tensor& at(const std::string& name) const {
    const auto found = tensors_.find(name);
    if (found == tensors_.end()) fail("the backbone has no tensor ", name);
    return found->second;
  }
  bool loaded(const std::string& name) const { return tensors_.count(name) != 0; }
  const std::map<std::string, Tensor>& tensors() const { return tensors_; }
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

  static std::uint64_t bytes_of(Extent rows, Extent cols) {
    return static_cast<std::uint64_t>(rows) * static_cast<std::uint64_t>(cols) * sizeof(T);
  }
  static bool as_it_is(const TensorRef& ref) {
    return ref.dtype == dtype_of<T> && reinterpret_cast<std::uintptr_t>(ref.bytes.data()) % alignof(T) == 0;
  }
  static const T* mapped(const TensorRef& ref) { return reinterpret_cast<const T*>(ref.bytes.data()); }
  const TensorRef& take(const std::string& name, Extent rows, Extent cols) {
    const TensorRef& ref = file_.take(name, rows, cols);
    sources_[name] = ref.bytes;
    return ref;
  }

  bool from_file(const std::string& name) const { return loaded(name) && !made_.contains(name); }
  Tensor put(const std::string& name, const Tensor& tensor) { return tensors_[name] = tensor; }
  static Tensor plain(const T* data, Extent rows, Extent cols) { return {data, dtype_of<T>, rows, cols, true}; }
  /// Memory of the store's own, which `fill` writes.
  Tensor own(const std::string& name, Extent rows, Extent cols, const std::function<void(T*)>& fill) {
    const auto n = static_cast<std::size_t>(rows) * static_cast<std::size_t>(cols);
    if (counting_) {
      sizes_.copied += n * sizeof(T);
      return plain(nullptr, rows, cols);
    }
    auto& block = blocks_[name];
    if constexpr (on_host<E>) {
      block = Memory<std::byte, E>("peft::weight", n * sizeof(T));
      fill(reinterpret_cast<T*>(block.data()));
    } else {
      std::vector<T> values(n);
      fill(values.data());
      block = Memory<std::byte, E>("peft::weight", n * sizeof(T));
      upload(E{}, reinterpret_cast<T*>(block.data()), values.data(), n);
    }
    return plain(reinterpret_cast<const T*>(block.data()), rows, cols);
  }

  CheckpointTensors file_;
  std::map<std::string, Memory<std::byte, E>> blocks_;  // of tensors that are not used as mapped
  std::map<std::string, Tensor> tensors_;
  std::set<std::string> made_, transposed_;  // not from the file; held transposed there
  std::map<std::string, std::span<const std::byte>> sources_;
  bool counting_ = false;
  LoadSizes sizes_;
};

}  // namespace peft
