// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cmath>
#include <vector>

#include <peft/core/error.hpp>
#include <peft/core/finite.hpp>
#include <peft/io/check_finite.hpp>

namespace peft {

PEFT_INLINE std::string holds_at(double value, std::span<const std::int64_t> shape, std::size_t index) {
  const std::size_t columns = shape.empty() ? 1 : static_cast<std::size_t>(shape.back());
  const std::string place =
      shape.size() < 2 ? cat("number ", index) : cat("row ", index / columns, ", column ", index % columns);
  return cat("holds ", value, " at ", place, " of ", shape_text(shape));
}

template <class T>
std::string not_finite_in(const Layout& layout, std::span<const T> buffer) {
  const std::size_t at = first_not_finite(buffer);
  if (at == buffer.size()) return "";
  for (const Field& f : layout.fields()) {
    const std::int64_t inside = static_cast<std::int64_t>(at) - f.offset;
    if (inside >= 0 && inside < f.size())
      return cat(f.name, " ",
                 holds_at(buffer[at], std::vector<std::int64_t>{f.rows, f.cols}, static_cast<std::size_t>(inside)));
  }
  return cat("number ", at, " between its tensors is ", buffer[at]);
}

PEFT_INLINE void check_finite_rows(const TensorRef& tensor, const std::string& file, std::int64_t begin,
                                   std::int64_t end, double largest) {
  const auto rows = tensor.shape.empty() ? std::int64_t{1} : tensor.shape.front();
  if (rows <= 0) return;
  const std::size_t row = tensor.bytes.size() / static_cast<std::size_t>(rows),
                    first = static_cast<std::size_t>(begin) * row;
  const auto bytes = tensor.bytes.subspan(first, static_cast<std::size_t>(end - begin) * row);
  const std::size_t at = first_not_finite(tensor.dtype, bytes, largest);
  if (at * size_of(tensor.dtype) == bytes.size()) return;
  double value = 0;
  convert<double>(tensor.dtype, bytes.data() + at * size_of(tensor.dtype), std::span(&value, 1));
  fail(
      file, ": ", tensor.name, " ", holds_at(value, tensor.shape, first / size_of(tensor.dtype) + at),
      std::abs(value) <= std::numeric_limits<double>::max() ? ", which F32 cannot hold" : "",
      "; with it a model computes nothing but nan. Was its training stopped after it had diverged, or is the file damaged? Take another copy of it");
}

PEFT_INLINE void check_finite(const TensorRef& tensor, const std::string& file, double largest) {
  check_finite_rows(tensor, file, 0, tensor.shape.empty() ? 1 : tensor.shape.front(), largest);
}

#ifdef PEFT_SEPARATE
template std::string not_finite_in(const Layout&, std::span<const float>);
template std::string not_finite_in(const Layout&, std::span<const double>);
#endif

}  // namespace peft
