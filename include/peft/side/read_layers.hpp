// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cmath>
#include <vector>

#include <peft/concepts.hpp>
#include <peft/ops/activation.hpp>
#include <peft/ops/gemm.hpp>
#include <peft/ops/reduce.hpp>
#include <peft/side/steps.hpp>

namespace peft {

/// READ without its recurrence, the ablation of Nguyen et al. (2023), which does not define it; here a bottleneck of
/// its own for every layer, none of which sees another:
///   phi_L <- phi_L + sum_i O_i f(H_i phi_i + b_i),   f = tanh.
/// H ~ U(+-1/sqrt(d)), b likewise; O ~ N(0, output_deviation^2), 0: the first step is the backbone's. Beside an
/// encoder-decoder the layers are the decoder's, whose rows the correction is for. Trains L (2 d k + k).
template <int k = 128, class F = ops::Tanh>
struct ReadLayers {
  static_assert(k > 0, "peft::ReadLayers<k>: the width k must be positive");
  static constexpr Route route = Route::side;
  static constexpr Kind fits = Kind::side;

  int width = k;
  double dropout = 0, output_deviation = 0;

  /// What may be set by name.
  void each_setting(auto&& set) {
    set("width", width), set("dropout", dropout), set("output_deviation", output_deviation);
  }

  template <class V>
  struct Params {
    std::vector<V> H, b, O;  // per layer: (k, d) (1, k) (d, k)
    int before = 0;          // layers of an encoder
  };
  template <class V>
  struct Kept {
    V x, h, slope;  // (L n, d)  (L n, k) twice
    int layers = 0;
  };

  void declare(auto& fields, auto& p, const Module& m) const {
    const auto bound = uniform(1 / std::sqrt(static_cast<double>(m.in)));
    const int layers = m.shape.layers - (p.before = m.shape.encoder_layers);
    p.H.resize(layers), p.b.resize(layers), p.O.resize(layers);
    for (int i = 0; i < layers; ++i) {
      fields.trained(cat("down.", i, ".weight"), p.H[i], width, m.in, bound);
      fields.vector(cat("down.", i, ".bias"), p.b[i], width, bound);
      fields.trained(cat("up.", i, ".weight"), p.O[i], m.in, width, normal(output_deviation));
    }
  }

  void begin(auto&, const auto& p, auto& kept, int layers) const { kept.layers = layers - p.before; }
  void tap(auto& c, const auto& p, auto& kept, int layer, auto phi) const {
    const Extent n = rows(phi);
    const int i = layer - p.before;
    if (layer == (p.before > 0 ? -2 : -1)) {
      kept.x = c.keep(kept.layers * n, cols(phi), "taps");
      kept.h = c.keep(kept.layers * n, width, "side");
      kept.slope = c.keep(kept.layers * n, width, "side");
    }
    if (layer < p.before) return;  // the embeddings, and what an encoder gives
    const auto x = step_of(kept.x, i, n), h = step_of(kept.h, i, n);
    drop_into(c, x, phi, dropout);
    ops::broadcast_row(c, h, p.b[i]);
    ops::gemm(c, h, x, t(p.H[i]), 1, 1);  // h    = f(x H' + b)      (n, k)
    ops::activate(c, h, step_of(kept.slope, i, n), F{});
  }
  void correct(auto& c, const auto& p, auto& kept, auto last) const {
    for (int i = 0; i < kept.layers; ++i)
      ops::gemm(c, last, step_of(kept.h, i, rows(last)), t(p.O[i]), 1, 1);  // phi += h O'   (n, d)
  }
  void backward(auto& c, const auto& p, auto& kept, auto dlast, auto& g) const {
    const auto scope = c.w.scope();
    const Extent n = rows(dlast);
    auto dh = c.temp(n, width);
    for (int i = 0; i < kept.layers; ++i) {
      ops::gemm(c, g.O[i], t(dlast), step_of(kept.h, i, n), 1, 1);  // dO += dphi' h         (d, k)
      ops::gemm(c, dh, dlast, p.O[i]);  // dh   = dphi O           (n, k)
      ops::multiply(c, dh, dh, step_of(kept.slope, i, n));
      ops::gemm(c, g.H[i], t(dh), step_of(kept.x, i, n), 1, 1);  // dH  += dh' x            (k, d)
      ops::add_column_sums(c, g.b[i], dh);
    }
  }
};

}  // namespace peft
