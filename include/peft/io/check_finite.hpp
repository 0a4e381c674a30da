// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstddef>
#include <limits>
#include <span>
#include <string>

#include <peft/core/fields.hpp>
#include <peft/core/inline.hpp>
#include <peft/io/tensor_ref.hpp>

namespace peft {

/// "holds nan at row 3, column 7 of (32, 64)"; of a vector "holds -inf at number 7 of (64)", counted from 0.
std::string holds_at(double value, std::span<const std::int64_t> shape, std::size_t index);

/// The first number of a flat buffer that is not finite, as "NAME holds nan at row 0, column 3 of (4, 32)"; "" where
/// all are. T: float, double.
template <class T>
std::string not_finite_in(const Layout& layout, std::span<const T> buffer);

/// Throws Error where a tensor of a file holds a number that is not finite, or beyond `largest`: with it a model
/// computes nothing but NaN.
void check_finite(const TensorRef& tensor, const std::string& file, double largest = std::numeric_limits<float>::max());

/// The same of rows [begin, end) alone.
void check_finite_rows(const TensorRef& tensor, const std::string& file, std::int64_t begin, std::int64_t end,
                       double largest = std::numeric_limits<float>::max());

}  // namespace peft

#ifndef PEFT_SEPARATE
#include <peft/io/check_finite.ipp>
#endif
