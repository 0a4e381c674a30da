// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>

#include <peft/core/rng.hpp>
#include <peft/nn/shape.hpp>
#include <peft/ops/map.hpp>

// Dropout with probability p of what a delta reads, in its context c: the same mask at every call of one step, so that
// backward draws what forward drew. Outside training nothing is dropped.

namespace peft {

/// The mask.
Dropout drop_mask(auto& c, double p) { return c.dropout(p, static_cast<std::uint64_t>(nn::DropoutAt::delta)); }

/// drop(x), in a temporary; x itself where nothing is dropped.
auto drop(auto& c, Matrix auto x, double p) {
  const Dropout mask = drop_mask(c, p);
  if (!mask.active()) return constant(x);
  const auto dropped = c.temp(rows(x), cols(x));
  ops::dropout(c, dropped, x, mask);
  return constant(dropped);
}

/// y = drop(x); y may be x.
void drop_into(auto& c, auto y, auto x, double p) {
  const Dropout mask = drop_mask(c, p);
  if (mask.active())
    ops::dropout(c, y, x, mask);
  else
    ops::copy(c, y, x);
}

/// dx += drop(d), where product(to, beta) gives the gradient d of drop(x):  to = d + beta to.
void drop_backward(auto& c, auto dx, double p, auto&& product) {
  const Dropout mask = drop_mask(c, p);
  if (!mask.active()) return product(dx, 1.);
  const auto scope = c.w.scope();
  const auto through = c.temp(rows(dx), cols(dx));
  product(through, 0.);
  ops::dropout(c, through, through, mask);
  ops::add(c, dx, through);
}

}  // namespace peft
