// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <peft/nn/shape.hpp>
#include <peft/ops/map.hpp>

namespace peft::nn {

/// The mask of one place of a block; inactive outside training.
template <class P>
Dropout drop(const P& p, DropoutAt at, double probability) {
  return p.dropout(probability, static_cast<std::uint64_t>(at));
}

/// to = dropout(from); the same again is its backward. to may be from.
template <class P>
void dropped(const P& p, DropoutAt at, double probability, typename P::V to, typename P::V from) {
  using C = typename P::C;
  const Dropout mask = drop(p, at, probability);
  if (mask.active())
    ops::dropout(p.w, to, C(from), mask);
  else if (to.data() != from.data())
    ops::copy(p.w, to, C(from));
}

/// Memory that outlives the step's forward when `keep`, a temporary otherwise.
template <class P>
typename P::V kept_if(const P& p, bool keep, Extent rows, Extent cols, const char* name) {
  return keep ? p.keep(rows, cols, name) : p.temp(rows, cols, name);
}

}  // namespace peft::nn
