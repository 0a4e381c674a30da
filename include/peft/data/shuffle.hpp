// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstddef>
#include <cstdint>
#include <limits>
#include <random>
#include <utility>
#include <vector>

namespace peft {

/// Shuffles in place, every order being equally likely (Fisher and Yates). The order is a function of `seed` and
/// `round`, the same on every platform, which std::shuffle does not promise.
template <class T>
void shuffle(std::vector<T>& values, std::uint64_t seed, std::uint64_t round) {
  const auto low = [](std::uint64_t x) { return static_cast<std::uint32_t>(x); };
  std::seed_seq mixed{low(seed), low(seed >> 32), low(round), low(round >> 32)};
  std::mt19937_64 draw(mixed);
  for (std::uint64_t n = values.size(); n > 1; --n) {
    constexpr std::uint64_t most = std::numeric_limits<std::uint64_t>::max();
    const std::uint64_t fair = most - most % n;  // a multiple of n: what lies above would favour small numbers
    std::uint64_t x = draw();
    while (x >= fair) x = draw();
    std::swap(values[static_cast<std::size_t>(n - 1)], values[static_cast<std::size_t>(x % n)]);
  }
}

}  // namespace peft
