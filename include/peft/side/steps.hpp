// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <peft/nn/shape.hpp>
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
  ops::fill(c.w, row, static_cast<typename decltype(row)::value_type>(value));
  return constant(row);
}

/// y = x with dropout of probability p in context c, a copy outside training.
void store_dropped(auto& c, auto y, auto x, double p) {
  const Dropout mask = c.dropout(p, static_cast<std::uint64_t>(nn::DropoutAt::delta));
  if (mask.active())
    ops::dropout(c.w, y, constant(x), mask);
  else
    ops::copy(c.w, y, constant(x));
}

}  // namespace peft
