// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <Kokkos_Core.hpp>
#include <cmath>
#include <cstdint>
#include <string_view>

namespace peft {

/// Randomness is counter based: a number is a function of what it is for (seed, step, site, example, position,
/// feature), never of how many were drawn before. Results then depend neither on the number of workers nor on a
/// restart.
namespace rng {

/// A bijective 64-bit mixer (the finaliser of splitmix64).
KOKKOS_INLINE_FUNCTION std::uint64_t mix(std::uint64_t z) {
  z += 0x9e3779b97f4a7c15ull;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
  return z ^ (z >> 31);
}

/// A bijective 32-bit mixer: cheap enough for one call per element inside a vectorised loop.
KOKKOS_INLINE_FUNCTION std::uint32_t mix32(std::uint32_t x) {
  x ^= x >> 16;
  x *= 0x7feb352du;
  x ^= x >> 15;
  x *= 0x846ca68bu;
  return x ^ (x >> 16);
}

KOKKOS_INLINE_FUNCTION std::uint64_t combine(std::uint64_t key, std::uint64_t value) { return mix(key ^ mix(value)); }

inline std::uint64_t combine(std::uint64_t key, std::string_view name) {
  for (const char c : name) key = combine(key, static_cast<unsigned char>(c));
  return combine(key, name.size());
}

/// Uniform in (0, 1).
inline double uniform(std::uint64_t key, std::uint64_t counter) {
  return (static_cast<double>(combine(key, counter) >> 11) + 0.5) * 0x1p-53;
}

/// Standard normal (Box-Muller; each counter owns two uniforms).
inline double normal(std::uint64_t key, std::uint64_t counter) {
  constexpr double two_pi = 6.283185307179586;
  return std::sqrt(-2 * std::log(uniform(key, 2 * counter))) * std::cos(two_pi * uniform(key, 2 * counter + 1));
}

/// Standard normal drawn again until it lies within two deviations.
inline double truncated_normal(std::uint64_t key, std::uint64_t counter) {
  double z = normal(key, counter);
  for (std::uint64_t again = 1; std::abs(z) > 2; ++again) z = normal(combine(key, again), counter);
  return z;
}

}  // namespace rng

/// Inverted dropout drawn at (key, example, position, feature): forward and backward compute the same mask, nothing is
/// kept. `example` and `position` hold one entry per row.
struct Dropout {
  std::uint64_t key = 0;
  std::uint32_t threshold = 0;  // an element is dropped when its 32 random bits are below
  double scale = 1;             // 1 / (1 - p)
  const int* example = nullptr;
  const int* position = nullptr;

  KOKKOS_INLINE_FUNCTION bool active() const { return threshold != 0; }

  KOKKOS_INLINE_FUNCTION std::uint32_t row(int i) const { return at(example[i], position[i]); }
  KOKKOS_INLINE_FUNCTION std::uint32_t at(int which, int where) const {
    const auto both =
        (static_cast<std::uint64_t>(static_cast<std::uint32_t>(which)) << 32) | static_cast<std::uint32_t>(where);
    return static_cast<std::uint32_t>(rng::mix(key ^ rng::mix(both)));
  }
  KOKKOS_INLINE_FUNCTION bool keeps(std::uint32_t row_key, std::uint32_t feature) const {
    return rng::mix32(row_key + feature) >= threshold;
  }
};

}  // namespace peft
