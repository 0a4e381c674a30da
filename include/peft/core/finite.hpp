// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstddef>
#include <limits>
#include <span>
#include <type_traits>

#include <peft/core/dtype.hpp>
#include <peft/core/inline.hpp>

namespace peft {

/// The first of `bytes.size() / size_of(type)` stored numbers (no alignment assumed) that is NaN, infinite or, of F64,
/// beyond `largest` in size; their count where there is none, as for integers. As fast as memory gives them.
std::size_t first_not_finite(DType type, std::span<const std::byte> bytes,
                             double largest = std::numeric_limits<double>::max());

/// The same of numbers in memory. T: float, double.
template <class T>
std::size_t first_not_finite(std::span<const T> numbers) {
  return first_not_finite(std::is_same_v<T, double> ? DType::F64 : DType::F32, std::as_bytes(numbers));
}

/// The largest |a[i] - b[i]|, of as many numbers; NaN where one is, which a maximum would hide.
double largest_difference(std::span<const float> a, std::span<const float> b);

}  // namespace peft

#ifndef PEFT_SEPARATE
#include <peft/core/finite.ipp>
#endif
