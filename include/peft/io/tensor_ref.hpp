// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include <peft/core/dtype.hpp>
#include <peft/core/error.hpp>
#include <peft/core/inline.hpp>

namespace peft {

/// "(768, 768)", as errors show a shape.
std::string shape_text(std::span<const std::int64_t> shape);

/// A tensor inside an open file: a view, row-major, valid while the file's object lives. The bytes may lie at any
/// address (no alignment): read them through read().
struct TensorRef {
  std::string name;
  DType dtype = DType::F32;
  std::vector<std::int64_t> shape;
  std::span<const std::byte> bytes;

  /// Elements.
  std::int64_t size() const { return static_cast<std::int64_t>(bytes.size() / size_of(dtype)); }

  /// All elements as T, converted when stored otherwise; `to` must hold exactly size() of them.
  template <class T>
  void read(std::span<T> to) const;

  template <class T>
  std::vector<T> values() const;
};

template <class T>
void TensorRef::read(std::span<T> to) const {
  require(static_cast<std::int64_t>(to.size()) == size(), "tensor \"", name, "\" has ", size(), " elements, not ",
          to.size());
  convert<T>(dtype, bytes.data(), to);
}

template <class T>
std::vector<T> TensorRef::values() const {
  std::vector<T> result(static_cast<std::size_t>(size()));
  read(std::span<T>(result));
  return result;
}

#ifdef PEFT_SEPARATE
extern template void TensorRef::read<float>(std::span<float>) const;
extern template void TensorRef::read<double>(std::span<double>) const;
extern template std::vector<float> TensorRef::values<float>() const;
extern template std::vector<double> TensorRef::values<double>() const;
#endif

/// A small tensor in memory, in float: what adapters and deltas are made of.
struct HostTensor {
  std::string name;
  std::vector<std::int64_t> shape;
  std::vector<float> data;  // row-major
};

/// Rows of the matrix `name` among tensors, whatever stands before the name; 0: there is none.
inline std::int64_t rows_of(const std::vector<HostTensor>& tensors, const std::string& name) {
  for (const HostTensor& t : tensors)
    if (t.name == name || t.name.ends_with("." + name)) return t.shape.at(0);
  return 0;
}

}  // namespace peft

#ifndef PEFT_SEPARATE
#include <peft/io/tensor_ref.ipp>
#endif
