// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <peft/core/rng.hpp>
#include <peft/core/tensor.hpp>

namespace peft {

/// What a tensor of a delta is for.
enum class Role {
  trained,  // has a gradient, is updated by the optimizer, is saved
  derived,  // computed from trained ones once per step (`prepare`), has a gradient (`finish` turns it back)
  state     // belongs to the method's schedule, no gradient, saved in checkpoints only
};

/// How a trained tensor begins.
struct Init {
  enum Kind { constant, uniform, normal, truncated, checkpoint, words, row_norms, torch } kind = constant;
  double scale = 0;           // the constant, the bound, the deviation
  std::vector<int> tokens{};  // whose words; none: any
  std::uint64_t seed = 0, skipped = 0;  // of PyTorch's generator, and numbers drawn from it before
};
inline Init zeros() { return {}; }
inline Init constant_of(double value) { return {Init::constant, value}; }
inline Init uniform(double bound) { return {Init::uniform, bound}; }
inline Init normal(double deviation) { return {Init::normal, deviation}; }
/// A normal whose values beyond two deviations are drawn again.
inline Init truncated_normal(double deviation) { return {Init::truncated, deviation}; }

/// The backbone's own values: the field's name is that of a tensor of the checkpoint.
inline Init from_checkpoint() { return {Init::checkpoint, 0}; }
/// Rows of the backbone's word table: those of `tokens`, over and over until the tensor is full; without any, drawn at
/// random.
inline Init word_rows(std::vector<int> tokens = {}) { return {Init::words, 0, std::move(tokens)}; }

/// The lengths of the rows of the module's own weight in the backbone.
inline Init row_norms() { return {Init::row_norms}; }
/// Uniform numbers as PyTorch's generator draws them on the CPU, for files that hold its seed in their place.
inline Init torch_uniform(double bound, std::uint64_t seed, std::uint64_t skipped = 0) {
  return {Init::torch, bound, {}, seed, skipped};
}

/// Settings of one tensor that differ from the optimizer's.
struct Group {
  double lr_factor = 1;
  bool decays = true;
};

/// One tensor of the flat buffer.
struct Field {
  std::string name;  // module path + "." + field, as saved; where another delta has one of this name there, and ".2"
  Extent rows, cols;  // as used
  bool vector;  // saved with shape (cols) instead of (rows, cols)
  Role role;
  Init init;
  Group group;
  bool table = false;  // no worker keeps a gradient of its own for it: an embedding table, or filled by `finish` alone
  std::string module{};  // path of the module that it belongs to
  int twin = 1;  // the first, second .. of its name
  std::int64_t offset = 0;  // elements from the start of the flat buffer
  std::int64_t size() const { return static_cast<std::int64_t>(rows) * cols; }
};

/// Every tensor that a model owns beside its backbone, as ranges of one contiguous buffer: trained, then derived, then
/// sources and tables, then state. The optimizer, clipping, saving and the exchange between workers walk this list
/// only.
class Layout {
 public:
  static constexpr std::int64_t alignment = 16;  // elements

  std::size_t add(Field field);
  /// Gives every field its place.
  void finish();
  const std::vector<Field>& fields() const { return fields_; }
  /// The field of this name, or null; of those from `first` on, the one that its delta calls so.
  const Field* find(const std::string& name) const;
  const Field* find(const std::string& name, std::size_t first) const;
  std::int64_t size() const { return size_; }  // elements of the value buffer
  std::int64_t gradient_size() const { return gradients_; }  // elements of a full gradient buffer
  std::int64_t group_size() const { return derived_; }  // elements of a group's accumulator: all but the tables
  std::int64_t dense_size() const { return dense_; }
  std::int64_t trained() const;

 private:
  std::vector<Field> fields_;
  std::map<std::string, int> named_;  // how many fields are called so by their deltas
  std::int64_t size_ = 0, gradients_ = 0, derived_ = 0, dense_ = 0;
};

/// What a delta's `declare` writes to. The same member runs twice: first it lists the tensors, then it binds each to
/// its place in a buffer (values or gradients).
template <class T, ExecutionSpace E>
class Fields {
 public:
  using Tensor = Mat<T, E>;

  /// Lists tensors of `module` into `layout`.
  Fields(Layout& layout, std::string module) : layout_(&layout), module_(std::move(module)) {}
  /// Binds the tensors listed before, from the `first` on; those with no place in [0, size) of `buffer` stay empty.
  Fields(const Layout& layout, std::size_t first, T* buffer, std::int64_t size)
      : bound_(&layout), at_(first), buffer_(buffer), size_(size) {}

  /// A trained (rows, cols) tensor.
  void trained(std::string_view name, Tensor& tensor, Extent rows, Extent cols, Init init = {}, Group group = {}) {
    field(tensor, {std::string(name), rows, cols, false, Role::trained, init, group});
  }
  /// A trained vector of n, used as (1, n), saved as (n).
  void vector(std::string_view name, Tensor& tensor, Extent n, Init init = {}, Group group = {}) {
    field(tensor, {std::string(name), 1, n, true, Role::trained, init, group});
  }
  /// A trained embedding table.
  void table(std::string_view name, Tensor& tensor, Extent rows, Extent cols, Init init = {}) {
    field(tensor, {std::string(name), rows, cols, false, Role::trained, init, {}, true});
  }
  /// A trained tensor that no op reads while a group runs: its gradient comes from `finish` alone.
  void source(std::string_view name, Tensor& tensor, Extent rows, Extent cols, Init init = {}, Group group = {}) {
    field(tensor, {std::string(name), rows, cols, false, Role::trained, init, group, true});
  }
  /// `table`: used in place of an embedding table.
  void derived(std::string_view name, Tensor& tensor, Extent rows, Extent cols, bool table = false) {
    field(tensor, {std::string(name), rows, cols, false, Role::derived, {}, {}, table});
  }
  void state(std::string_view name, Tensor& tensor, Extent rows, Extent cols, Init init = {}) {
    field(tensor, {std::string(name), rows, cols, false, Role::state, init, {}});
  }
  std::size_t position() const { return at_; }

 private:
  void field(Tensor& tensor, Field f) {
    if (layout_) {
      f.module = module_;
      f.name = module_.empty() ? f.name : module_ + "." + f.name;
      layout_->add(std::move(f));
    } else {
      const Field& known = bound_->fields()[at_++];
      if (known.offset + known.size() <= size_) tensor = Tensor(buffer_ + known.offset, known.rows, known.cols);
    }
  }

  Layout* layout_ = nullptr;
  std::string module_;
  const Layout* bound_ = nullptr;
  std::size_t at_ = 0;
  T* buffer_ = nullptr;
  std::int64_t size_ = 0;
};

}  // namespace peft

#ifndef PEFT_SEPARATE
#include <peft/core/fields.ipp>
#endif
