// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <bit>
#include <cstdint>

namespace peft {

/// A double in the 16-bit format with `Exponent` exponent bits, to nearest even; too large becomes infinite.
template <int Exponent>
constexpr std::uint16_t narrow_to_16(double value) {
  constexpr int mantissa = 15 - Exponent, bias = (1 << (Exponent - 1)) - 1, top = (1 << Exponent) - 1;
  const auto bits = std::bit_cast<std::uint64_t>(value);
  const auto sign = static_cast<std::uint16_t>(bits >> 63 << 15);
  const auto fraction = bits & ((std::uint64_t{1} << 52) - 1);
  const int exponent = static_cast<int>(bits >> 52 & 0x7ff);
  constexpr std::uint16_t infinity = top << mantissa;
  if (exponent == 0x7ff && fraction != 0)  // keep the high payload bits, and stay a NaN
    return static_cast<std::uint16_t>(sign | infinity | 1 << (mantissa - 1) | fraction >> (52 - mantissa));
  const int scaled = exponent - 1023 + bias;
  if (scaled >= top) return static_cast<std::uint16_t>(sign | infinity);
  std::uint64_t kept = static_cast<std::uint64_t>(scaled) << 52 | fraction;
  int shift = 52 - mantissa;
  if (scaled <= 0) {  // subnormal: the hidden bit becomes explicit
    shift += 1 - scaled;
    if (shift > 53) return sign;
    kept = fraction | std::uint64_t{1} << 52;
  }
  const std::uint64_t half = std::uint64_t{1} << (shift - 1), rest = kept & (2 * half - 1);
  kept >>= shift;
  kept += rest > half || (rest == half && (kept & 1) != 0);  // a carry moves into the exponent, up to infinity
  return static_cast<std::uint16_t>(sign | kept);
}

constexpr std::uint16_t to_f16(double value) { return narrow_to_16<5>(value); }
constexpr std::uint16_t to_bf16(double value) { return narrow_to_16<8>(value); }

/// The same result as for the double, in a few instructions.
constexpr std::uint16_t to_bf16(float value) {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  if ((bits & 0x7fffffffu) > 0x7f800000u) return static_cast<std::uint16_t>(bits >> 16 | 0x40u);
  return static_cast<std::uint16_t>((bits + 0x7fffu + (bits >> 16 & 1u)) >> 16);
}

/// Exact.
constexpr float from_bf16(std::uint16_t bits) { return std::bit_cast<float>(static_cast<std::uint32_t>(bits) << 16); }

/// Exact.
constexpr float from_f16(std::uint16_t bits) {
  const std::uint32_t sign = static_cast<std::uint32_t>(bits & 0x8000u) << 16;
  const std::uint32_t exponent = bits >> 10 & 0x1fu, fraction = bits & 0x3ffu;
  if (exponent == 0) {  // zero and subnormals: fraction * 2^-24
    const float size = static_cast<float>(fraction) * 0x1p-24f;
    return sign != 0 ? -size : size;
  }
  const std::uint32_t wide = exponent == 0x1f ? 0xffu : exponent + 112;
  return std::bit_cast<float>(sign | wide << 23 | fraction << 13);
}

}  // namespace peft
