// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <peft/drop.hpp>
#include <peft/ops/map.hpp>

namespace peft {

/// Step i as n rows of a block that holds all of them, one after the other; of an empty block, an empty view.
template <class V>
V step_of(const V& block, int i, Extent n) {
  return empty(block) ? V() : slice(block, i * n, (i + 1) * n);
}

/// A row (1, d) of one number, as wide as `like`: a temporary.
auto row_of(auto& c, const auto& like, double value) {
  auto row = c.temp(1, cols(like));
  ops::fill(c, row, value);
  return row;
}

}  // namespace peft
