// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstddef>
#include <cstdint>
#include <limits>
#include <peft/core/inline.hpp>
#include <peft/data/shuffle.hpp>
#include <random>
#include <vector>

namespace peft {

PEFT_INLINE std::vector<std::size_t> draw_places(std::size_t count, std::uint64_t seed, std::uint64_t round) {
  const auto low = [](std::uint64_t x) { return static_cast<std::uint32_t>(x); };
  std::seed_seq mixed{low(seed), low(seed >> 32), low(round), low(round >> 32)};
  std::mt19937_64 draw(mixed);
  std::vector<std::size_t> places;
  places.reserve(count);
  for (std::uint64_t n = count; n > 1; --n) {
    constexpr std::uint64_t most = std::numeric_limits<std::uint64_t>::max();
    const std::uint64_t fair = most - most % n;  // a multiple of n: what lies above would favour small numbers
    std::uint64_t x = draw();
    while (x >= fair) x = draw();
    places.push_back(static_cast<std::size_t>(x % n));
  }
  return places;
}

}  // namespace peft
