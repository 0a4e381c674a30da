// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <numeric>
#include <peft/core/error.hpp>
#include <peft/core/inline.hpp>
#include <peft/data/selection.hpp>
#include <peft/data/shuffle.hpp>
#include <vector>

namespace peft {

PEFT_INLINE std::vector<std::int64_t> select_examples(std::size_t count, std::int64_t limit, std::uint64_t seed) {
  require(limit >= 0, "a limit of ", limit, " examples was asked for; give a positive number, or 0 for all");
  constexpr std::uint64_t round = std::numeric_limits<std::uint64_t>::max();  // no epoch has it
  std::vector<std::int64_t> chosen(count);
  std::iota(chosen.begin(), chosen.end(), std::int64_t{0});
  if (limit > 0) {
    shuffle(chosen, seed, round);
    chosen.resize(std::min(count, static_cast<std::size_t>(limit)));
  }
  return chosen;
}

}  // namespace peft
