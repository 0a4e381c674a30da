// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <peft/method.hpp>
#include <peft/ops/map.hpp>
#include <peft/ops/reduce.hpp>

namespace peft {

/// A trained scale per feature, after its site or (Route::pre) before it:  y <- l * y.  l = 1 at first.
template <Route r>
struct Rescale {
  static_assert(r == Route::post || r == Route::pre,
                "peft::Rescale: a scale comes after its site (post) or before it (pre)");
  static constexpr Route route = r;
  static constexpr Kind fits = Kind::linear | Kind::hidden;

  template <class V>
  struct Params {
    V l;  // (1, out), before the site (1, in)
  };
  template <class V>
  struct Kept {
    V h;  // what was scaled
  };

  void declare(auto& fields, auto& p, const Module& m) const {
    fields.vector("ia3_l", p.l, r == Route::post ? m.out : m.in, constant_of(1));
  }
  void forward(auto& c, const auto& p, auto h, auto& kept) const {
    kept.h = c.keep(rows(h), cols(h), "ia3");
    ops::copy(c, kept.h, h);
    ops::scale_columns(c, h, h, p.l);           // h  <- l * h              (n, d)
  }
  void backward(auto& c, const auto& p, auto dh, const auto& kept, auto& g) const {
    ops::add_column_dots(c, g.l, kept.h, dh);   // dl += sum_n h * dh       (1, d)
    ops::scale_columns(c, dh, dh, p.l);         // dh <- l * dh             (n, d)
  }

  /// W <- diag(l) W after the site, and b <- l * b; W <- W diag(l) before it.
  void merge(auto& c, const auto& p, auto W) const {
    if constexpr (r == Route::post)
      ops::scale_rows(c, W, W, p.l);
    else
      ops::scale_columns(c, W, W, p.l);
  }
  void merge_bias(auto& c, const auto& p, auto b) const
    requires(r == Route::post)
  {
    ops::scale_columns(c, b, b, p.l);
  }
};

/// (IA)^3 (Liu et al., 2022, section 3.3): keys, values and the inner activations of the feed-forward are rescaled,
///   softmax(Q (l_k * K)' / sqrt(d)) (l_v * V),   (l_ff * f(x W_up)) W_down.   Trains 2 d + d_ff per layer,
/// 2 d more where a decoder attends to its encoder. Where queries, keys and values are one projection, the queries are
/// scaled, too, as PEFT does it (3 d + d_ff).
using IA3 = Method<Delta<Rescale<Route::post>, At<Key | Value | CrossKey | CrossValue | FusedQkv>>,
                   Delta<Rescale<Route::pre>, At<FfnDown>>>;

/// The same wherever an adapter has it. PEFT's default for BERT and what is built alike, "output.dense", means
/// attention's output projection too, whose input is rescaled; that for mT5 rescales the output of wi_1. Masks narrow
/// it down to IA3's places.
using IA3Anywhere =
    Method<Delta<Rescale<Route::post>, At<Linear | Pooler>>, Delta<Rescale<Route::pre>, At<Linear | Pooler>>>;

}  // namespace peft
