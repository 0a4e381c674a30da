// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <peft/ops/map.hpp>
#include <peft/ops/norm.hpp>
#include <peft/ops/reduce.hpp>
#include <peft/ops/rms_norm.hpp>
#include <peft/site.hpp>

namespace peft::nn {

/// What a norm's backward reads: normalised (n, d) and rstd (n, 1); empty when nothing crosses.
template <class V>
struct NormKept {
  V normalised, rstd;
  V inner, inner_normalised, inner_rstd;  // (n, d) twice, (n, 1): where branches sit on it, of the first of two
};

/// y = Norm(residual + dropout(x)): LayerNorm, or RMSNorm where the backbone has it.
template <class P, class C, class V>
void normalise(const P& p, const auto& weights, C x, C residual, const Dropout& drop, double epsilon, V normalised,
               V rstd, V y) {
  if constexpr (P::spec.rms)
    ops::rms_norm(p.w, x, residual, weights.w, epsilon, drop, normalised, rstd, y);
  else
    ops::add_norm(p.w, x, residual, weights.w, weights.b, epsilon, drop, normalised, rstd, y);
}

/// y = Norm(h + f(Norm h)),  h = residual + dropout(x),  f the branches on the norm: they read what it gives and add to
/// what it takes.
template <Site S, class P>
void normalise_twice(const P& p, typename P::C x, typename P::C residual, const Dropout& drop, double epsilon,
                     NormKept<typename P::V>& kept, typename P::V y, bool crossing) {
  using C = typename P::C;
  const auto weights = p.template weights<S>();
  const Extent n = rows(x), d = cols(x);
  kept.inner = p.keep(n, d, "norm");
  if (crossing) kept.inner_normalised = p.keep(n, d, "norm"), kept.inner_rstd = p.keep(n, 1, "norm");
  const auto scope = p.w.scope();
  typename P::V h = p.temp(n, d);
  if (drop.active())
    ops::dropout(p.w, h, x, drop);
  else
    ops::copy(p.w, h, x);
  if (!empty(residual)) ops::add(p.w, h, residual);
  normalise(p, weights, C(h), C(), {}, epsilon, kept.inner_normalised, kept.inner_rstd, kept.inner);
  p.template branches<S>(C(kept.inner), h);
  normalise(p, weights, C(h), C(), {}, epsilon, kept.normalised, kept.rstd, y);
}

/// y = Norm(residual + dropout(x)) with the tensors of S and its deltas. `crossing`: backward will come.
template <Site S, class P>
NormKept<typename P::V> norm(const P& p, typename P::C x, typename P::C residual, const Dropout& drop, double epsilon,
                             typename P::V y, bool crossing) {
  NormKept<typename P::V> kept;
  if (crossing) kept = {p.keep(rows(x), cols(x), "norm"), p.keep(rows(x), 1, "norm"), {}, {}, {}};
  if (p.template any<S, Route::branch>())
    normalise_twice<S>(p, x, residual, drop, epsilon, kept, y, crossing);
  else
    normalise(p, p.template weights<S>(), x, residual, drop, epsilon, kept.normalised, kept.rstd, y);
  p.template posts<S>(y);
  return kept;
}

/// dy becomes the gradient of what was normalised; adds to those of the norm's tensors where they are trained.
template <Site S, class P>
void normalise_backward(const P& p, typename P::C normalised, typename P::C rstd, typename P::V dy) {
  using C = typename P::C;
  if (p.template any<S, Route::weight>()) {
    const auto g = p.template weight_gradient<S>();
    if (!empty(g.w)) ops::add_column_dots(p.w, g.w, C(dy), normalised);
    if (!empty(g.b)) ops::add_column_sums(p.w, g.b, C(dy));
  }
  const auto weights = p.template weights<S>();
  if constexpr (P::spec.rms)
    ops::rms_norm_backward(p.w, C(dy), normalised, rstd, weights.w, dy);
  else
    ops::norm_backward(p.w, C(dy), normalised, rstd, weights.w, dy);
}

/// dy becomes the gradient of residual + dropout(x).
template <Site S, class P>
void norm_backward(const P& p, const NormKept<typename P::V>& kept, typename P::V dy) {
  using C = typename P::C;
  p.template post_backward<S>(dy);
  normalise_backward<S>(p, C(kept.normalised), C(kept.rstd), dy);
  if (!p.template any<S, Route::branch>()) return;
  const auto scope = p.w.scope();
  typename P::V dinner = p.temp(rows(dy), cols(dy));
  ops::fill(p.w, dinner, typename P::T(0));
  p.template branch_backward<S>(C(kept.inner), dy, dinner);
  normalise_backward<S>(p, C(kept.inner_normalised), C(kept.inner_rstd), dinner);
  ops::add(p.w, dy, C(dinner));
}

}  // namespace peft::nn
