// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <peft/nn/drop.hpp>
#include <peft/nn/linear.hpp>
#include <peft/nn/packed.hpp>
#include <peft/nn/shape.hpp>
#include <peft/ops/map.hpp>

namespace peft::nn {

/// Embedded distances as this layer sees them: dropped anew, as rows of no sequence.
template <class P>
Dropout distance_drop(const P& p, const Shape& shape) {
  Dropout mask = drop(p, DropoutAt::distances, shape.hidden_dropout);
  mask.example = p.batch->example + p.batch->tokens;
  mask.position = p.batch->positions + p.batch->tokens;
  return mask;
}
template <class P>
void put_distances(const P& p, const Shape& shape, typename P::V to) {
  const Dropout mask = distance_drop(p, shape);
  if (mask.active())
    ops::dropout(p.w, to, typename P::C(p.seen().relative.rows), mask);
  else
    ops::copy(p.w, to, typename P::C(p.seen().relative.rows));
}
template <class P>
void take_distances(const P& p, const Shape& shape, typename P::V from) {
  if (empty(from)) return;
  const Dropout mask = distance_drop(p, shape);
  if (mask.active()) ops::dropout(p.w, from, typename P::C(from), mask);
  ops::add(p.w, p.seen().relative.gradient, typename P::C(from));
}

/// Tokens x (n, d) -> y and embedded distances -> position (r, columns of y): through one projection S, or the latter
/// through `Own` (Shape::shared_distances). Not `wanted`: position has no rows. `own`, `own_position` keep what
/// backward reads.
template <Site S, Site Own, class P>
void project_with_distances(const P& p, const Shape& shape, typename P::C x, typename P::V y, typename P::C& own,
                            typename P::V& position, typename P::C& own_position, bool wanted, bool crossing) {
  using V = typename P::V;
  using C = typename P::C;
  const Extent n = rows(x), r = wanted ? rows(p.seen().relative.rows) : 0;
  position = p.keep(r, cols(y), "distances");
  if (r == 0) return linear<S>(p, x, y, own);
  if (!shape.shared_distances) {
    linear<S>(p, x, y, own);
    V rows_of = kept_if(p, p.template keeps_input<Own>() && crossing, r, shape.width, "with distances");
    put_distances(p, shape, rows_of);
    linear<Own>(p, rows_of, position, own_position);
    return;
  }
  const auto scope = p.w.scope();
  V both = kept_if(p, p.template keeps_input<S>() && crossing, n + r, cols(x), "with distances"),
    made = p.temp(n + r, cols(y));
  ops::copy(p.w, slice(both, 0, n), x);
  put_distances(p, shape, slice(both, n, n + r));
  linear<S>(p, both, made, own);
  ops::copy(p.w, y, C(slice(made, 0, n)));
  ops::copy(p.w, position, C(slice(made, n, n + r)));
}

/// Backward of it: adds to dx and to the gradient of the distances, each unless it is empty.
template <Site S, Site Own, class P>
void unproject_with_distances(const P& p, const Shape& shape, typename P::C own, typename P::V dy, typename P::V dx,
                              typename P::C own_position, typename P::V dposition, bool wanted) {
  using V = typename P::V;
  using C = typename P::C;
  const auto scope = p.w.scope();
  const Extent n = rows(dy), r = wanted ? rows(dposition) : 0;
  if (r == 0) return linear_backward<S>(p, own, dy, dx, true);
  if (!shape.shared_distances) {
    linear_backward<S>(p, own, dy, dx, true);
    V drows = empty(p.seen().relative.gradient) ? V() : p.temp(r, shape.width);
    linear_backward<Own>(p, own_position, dposition, drows, false);
    take_distances(p, shape, drows);
    return;
  }
  V both = p.temp(n + r, cols(dy));
  ops::copy(p.w, slice(both, 0, n), C(dy));
  ops::copy(p.w, slice(both, n, n + r), C(dposition));
  const bool wants = !empty(dx) || !empty(p.seen().relative.gradient);
  V din = wants ? p.temp(n + r, shape.width) : V();
  linear_backward<S>(p, own, both, din, false);
  if (!empty(dx)) ops::add(p.w, dx, C(slice(din, 0, n)));
  if (!empty(p.seen().relative.gradient)) take_distances(p, shape, slice(din, n, n + r));
}

}  // namespace peft::nn
