// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <cmath>
#include <cstdint>

#include <peft/core/error.hpp>
#include <peft/core/finite.hpp>

namespace peft {

namespace finite {

/// `odd(i)`: as a number of the width of the stored ones, whose highest bit tells whether number i is not finite.
/// Blocks without one are passed over by a loop that has no exit, which vectorises.
template <class Bits, class Odd>
std::size_t first(std::size_t n, Odd&& odd) {
  constexpr std::size_t block = 2048;
  constexpr Bits highest = static_cast<Bits>(Bits{1} << (8 * sizeof(Bits) - 1));
  for (std::size_t begin = 0; begin < n; begin += block) {
    const std::size_t end = std::min(n, begin + block);
    Bits any = 0;
    for (std::size_t i = begin; i < end; ++i) any = static_cast<Bits>(any | odd(i));
    if ((any & highest) == 0) continue;
    for (std::size_t i = begin; i < end; ++i)
      if ((odd(i) & highest) != 0) return i;
  }
  return n;
}

/// An exponent of ones alone is one that carries over into the sign.
template <class Bits>
std::size_t first(const std::byte* from, std::size_t n, Bits exponent) {
  const Bits lowest = static_cast<Bits>(exponent & (~exponent + 1u));
  return first<Bits>(
      n, [=](std::size_t i) { return static_cast<Bits>((load_unaligned<Bits>(from, i) & exponent) + lowest); });
}

}  // namespace finite

PEFT_INLINE std::size_t first_not_finite(DType type, std::span<const std::byte> bytes, double largest) {
  const std::size_t n = bytes.size() / size_of(type);
  const std::byte* const from = bytes.data();
  switch (type) {
    case DType::F64:
      return finite::first<std::uint64_t>(n, [=](std::size_t i) {
        return std::abs(load_unaligned<double>(from, i)) <= largest ? std::uint64_t{0} : ~std::uint64_t{0};
      });
    case DType::F32: return finite::first<std::uint32_t>(from, n, 0x7f800000u);
    case DType::F16: return finite::first<std::uint16_t>(from, n, 0x7c00);
    case DType::BF16: return finite::first<std::uint16_t>(from, n, 0x7f80);
    default: return n;
  }
}

PEFT_INLINE double largest_difference(std::span<const float> a, std::span<const float> b) {
  require(a.size() == b.size(), "differences of ", a.size(), " numbers and ", b.size());
  double largest = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const double difference = std::abs(double(a[i]) - double(b[i]));
    if (std::isnan(difference)) return difference;
    largest = std::max(largest, difference);
  }
  return largest;
}

}  // namespace peft
