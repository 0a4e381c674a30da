// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <peft/ops/norm.hpp>
#include <peft/ops/reduce.hpp>
#include <peft/ops/rms_norm.hpp>
#include <peft/site.hpp>

namespace peft::nn {

/// What a norm's backward reads: normalised (n, d) and rstd (n, 1); empty when nothing crosses.
template <class V>
struct NormKept {
  V normalised, rstd;
};

/// y = Norm(residual + dropout(x)) with the tensors of S and its post deltas: LayerNorm, or RMSNorm where the backbone has it.
/// `crossing`: backward will come.
template <Site S, class P>
NormKept<typename P::V> norm(P& p, typename P::C x, typename P::C residual, const Dropout& drop, double epsilon,
                             typename P::V y, bool crossing) {
  NormKept<typename P::V> kept;
  if (crossing) kept = {p.keep(rows(x), cols(x), "norm"), p.keep(rows(x), 1, "norm")};
  const auto weights = p.template weights<S>();
  if constexpr (P::spec.rms)
    ops::rms_norm(p.w, x, residual, weights.w, epsilon, drop, kept.normalised, kept.rstd, y);
  else
    ops::add_norm(p.w, x, residual, weights.w, weights.b, epsilon, drop, kept.normalised, kept.rstd, y);
  p.template after<S>(x, y);
  return kept;
}

/// dy becomes the gradient of residual + dropout(x).
template <Site S, class P>
void norm_backward(P& p, const NormKept<typename P::V>& kept, typename P::V dy) {
  using C = typename P::C;
  p.template post_backward<S>(dy);
  if (p.template any<S, Route::weight>()) {
    const auto g = p.template weight_gradient<S>(*p.gradients);
    if (!empty(g.w)) ops::add_column_dots(p.w, g.w, C(dy), C(kept.normalised));
    if (!empty(g.b)) ops::add_column_sums(p.w, g.b, C(dy));
  }
  const auto weights = p.template weights<S>();
  if constexpr (P::spec.rms)
    ops::rms_norm_backward(p.w, C(dy), C(kept.normalised), C(kept.rstd), weights.w, dy);
  else
    ops::norm_backward(p.w, C(dy), C(kept.normalised), C(kept.rstd), weights.w, dy);
}

}  // namespace peft::nn
