// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <type_traits>
#include <vector>

#include <peft/core/tensor.hpp>
#include <peft/core/transfer.hpp>
#include <peft/io/checkpoint.hpp>
#include <peft/site.hpp>

namespace peft {

/// The immutable tensors of a backbone by name. Those of a checkpoint that already have the right scalar type, alignment and
/// memory are used where they are mapped; others are converted once. Loading is strict: `finish` refuses what nobody asked for.
template <class T, ExecutionSpace E>
class TensorStore {
 public:
  using C = Mat<const T, E>;

  TensorStore() = default;
  /// Names are looked up as given and with `prefix` taken off ("bert." is left out by files that hold the bare encoder).
  TensorStore(Checkpoint checkpoint, std::string prefix) : checkpoint_({std::move(checkpoint)}), prefix_(std::move(prefix)) {}

  bool has(const std::string& name) const { return find(name) != nullptr; }

  /// The tensor as (rows, cols); a vector is (1, n).
  C load(const std::string& name, Extent rows, Extent cols) {
    const TensorRef* ref = find(name);
    if (ref == nullptr) fail(source(), ": the tensor ", name, " is missing (also without \"", prefix_, "\")");
    const bool fits = ref->shape.size() == 2 ? ref->shape[0] == rows && ref->shape[1] == cols
                                             : rows == 1 && ref->shape.size() == 1 && ref->shape[0] == cols;
    if (!fits)
      fail(source(), ": ", ref->name, " has shape ", shape_text(ref->shape), ", expected ",
           rows == 1 ? cat("(", cols, ")") : cat("(", rows, ", ", cols, ")"), " by config.json");
    if (!is_float(ref->dtype))
      fail(source(), ": ", ref->name, " is stored as ", peft::name(ref->dtype), "; weights are F64, F32, F16 or BF16");
    used_.insert(ref->name);
    constexpr DType mine = std::is_same_v<T, double> ? DType::F64 : DType::F32;
    const bool aligned = reinterpret_cast<std::uintptr_t>(ref->bytes.data()) % alignof(T) == 0;
    if (on_host<E> && ref->dtype == mine && aligned)
      return put(name, C(reinterpret_cast<const T*>(ref->bytes.data()), rows, cols));
    const auto values = ref->template values<T>();
    return put(name, own(name, values, rows, cols));
  }

  /// The tensor as (rows, cols), which the file holds transposed.
  C load_transposed(const std::string& name, Extent rows, Extent cols) {
    const C stored = load(name, cols, rows);
    const std::vector<T> from = downloaded<E>(stored.data(), stored.size());
    std::vector<T> to(from.size());
    for (Extent i = 0; i < rows; ++i)
      for (Extent j = 0; j < cols; ++j) to[static_cast<std::size_t>(i) * cols + j] = from[static_cast<std::size_t>(j) * rows + i];
    transposed_.insert(name);
    return put(name, own(name, to, rows, cols));
  }
  /// Does the file hold the tensor (cols, rows)?
  bool transposed(const std::string& name) const { return transposed_.count(name) != 0; }
  /// Does the file hold the tensor as a vector?
  bool vector(const std::string& name) const {
    const TensorRef* ref = find(name);
    return ref != nullptr && ref->shape.size() == 1;
  }

  /// A tensor made here, not read.
  C make(const std::string& name, const std::vector<T>& values, Extent rows, Extent cols) {
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
  const Checkpoint* checkpoint() const { return checkpoint_.empty() ? nullptr : &checkpoint_.front(); }

  /// Every tensor of the file was asked for, or the beginning of its name (without the prefix) matches one of `ignored`, in which * is any text.
  void finish(const std::vector<std::string>& ignored) const {
    if (checkpoint_.empty()) return;
    for (const std::string& name : checkpoint_.front().names()) {
      if (used_.count(name)) continue;
      const std::string bare = name.rfind(prefix_, 0) == 0 ? name.substr(prefix_.size()) : name;
      bool skip = false;
      for (const std::string& start : ignored) skip = skip || glob(start + "*", bare);
      if (!skip)
        fail(source(), ": nothing in this model takes the tensor ", name, " ",
             shape_text(checkpoint_.front().at(name).shape), "; is config.json of another model, or the number of layers too small?");
    }
  }

 private:
  using Block = Kokkos::View<T*, typename E::memory_space>;

  const TensorRef* find(const std::string& name) const {
    if (checkpoint_.empty()) return nullptr;
    if (const TensorRef* ref = checkpoint_.front().find(name)) return ref;
    return name.rfind(prefix_, 0) == 0 ? checkpoint_.front().find(name.substr(prefix_.size())) : nullptr;
  }
  std::string source() const { return checkpoint_.empty() ? "backbone" : checkpoint_.front().path(); }
  C put(const std::string& name, C tensor) { return tensors_[name] = tensor; }
  C own(const std::string& name, const std::vector<T>& values, Extent rows, Extent cols) {
    Block& block = blocks_[name] = Block(Kokkos::view_alloc(Kokkos::WithoutInitializing, "peft::weight"), values.size());
    upload(E{}, block.data(), values.data(), values.size());
    return C(block.data(), rows, cols);
  }

  std::vector<Checkpoint> checkpoint_;  // one or none
  std::string prefix_;
  std::map<std::string, Block> blocks_;  // of tensors that are not used as mapped
  std::map<std::string, C> tensors_;
  std::set<std::string> used_, transposed_;
};

}  // namespace peft
