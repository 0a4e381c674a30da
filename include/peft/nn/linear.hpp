// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <peft/ops/gemm.hpp>
#include <peft/ops/linear.hpp>
#include <peft/ops/reduce.hpp>
#include <peft/site.hpp>

namespace peft::nn {

/// y (n, out) = x W' + b, then the deltas of S. When S carries a `pre` delta, `own` is set to the changed copy of x
/// that backward will want (x otherwise).
template <Site S, class P>
void linear(const P& p, typename P::C x, typename P::V y, typename P::C& own) {
  own = x;
  if (p.template any<S, Route::pre>()) {
    auto changed = p.keep(rows(x), cols(x), "pre");
    ops::copy(p.w, changed, x);
    p.template before<S>(changed);
    own = changed;
  }
  const auto weights = p.template weights<S>();
  ops::linear(p.w, y, own, weights.w, weights.b);
  p.template after<S>(own, y);
}

/// dx = [dx +] the gradient of x from dy, which is overwritten where S carries post deltas. dx may be empty. x is what
/// `linear` put into `own`; it is read only if p.keeps_input<S>().
template <Site S, class P>
void linear_backward(const P& p, typename P::C x, typename P::V dy, typename P::V dx, bool accumulate) {
  using V = typename P::V;
  using C = typename P::C;
  p.template post_backward<S>(dy);
  const bool changed = p.template any<S, Route::pre>(), rescaled = p.template rescales<S>();
  const auto scope = p.w.scope();
  // A pre delta's backward is not linear in what was there before, so it gets a gradient of its own.
  V own = changed ? p.temp(rows(dy), cols(p.template weights<S>().w)) : dx;
  bool add = accumulate && !changed;
  // A branch that rescales y turns dy first, and all that comes before it sees the turned one.
  if (rescaled) {
    if (!empty(own) && !add) ops::fill(p.w, own, typename V::value_type(0));
    add = true;
    p.template branch_backward<S>(x, dy, own);
  }
  if (p.template any<S, Route::weight>()) {
    const auto g = p.template weight_gradient<S>();
    if (!empty(g.w)) ops::gemm(p.w, g.w, t(dy), x, 1, 1);
    if (!empty(g.b)) ops::add_column_sums(p.w, g.b, C(dy));
  }
  if (!empty(own)) ops::linear_backward(p.w, own, dy, p.template weights<S>().w, add ? 1 : 0);
  if (!rescaled) p.template branch_backward<S>(x, dy, own);
  if (!changed) return;
  p.template before_backward<S>(own);
  if (empty(dx)) return;
  if (accumulate)
    ops::add(p.w, dx, C(own));
  else
    ops::copy(p.w, dx, C(own));
}

}  // namespace peft::nn
