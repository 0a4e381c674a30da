// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace peft {

/// For n = count, count - 1, ..., 2 in turn, a number below n, every one being equally likely: a function of `seed` and
/// `round`, the same on every platform.
std::vector<std::size_t> draw_places(std::size_t count, std::uint64_t seed, std::uint64_t round);

/// Shuffles in place, every order being equally likely (Fisher and Yates). The order is a function of `seed` and
/// `round`, the same on every platform, which std::shuffle does not promise.
template <class T>
void shuffle(std::vector<T>& values, std::uint64_t seed, std::uint64_t round) {
  std::size_t n = values.size();
  for (const std::size_t place : draw_places(n, seed, round)) std::swap(values[--n], values[place]);
}

}  // namespace peft

#ifndef PEFT_SEPARATE
#include <peft/data/shuffle.ipp>
#endif
