// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cmath>

#include <peft/side/ffn.hpp>
#include <peft/side/joiner.hpp>
#include <peft/side/other_tokens.hpp>
#include <peft/side/own_token.hpp>

namespace peft {

/// x_i = [phi_i; psi_i] (READ, eqs. 12 and 13):
///   psi_i = g_i * (Own(u) + Others_i(u)),   u = F h_{i-1} (side/ffn.hpp),   g_i = 1, or gated (eq. 14) sigmoid(G phi_i + c).
/// All of width k; matrices ~ U(+-1/sqrt(in)). The paper's Phi_i and Psi_i are functions of the layer's scores; here
/// they are matrices shared by the layers, as Algorithm 1 shares everything. Trains 2 (k^2 + k) + G k^2, the terms',
/// and d k + k when gated.
template <class Own = Itself, class Others = NoOthers>
struct Concatenated {
  static constexpr bool own_scores = Others::own_scores;
  static constexpr bool plain = Own::copies && !Others::present;

  bool gated = false;
  [[no_unique_address]] SideFfn ffn{};
  [[no_unique_address]] Own own{};
  [[no_unique_address]] Others others{};

  template <class V>
  struct Params {
    SideFfn::Params<V> F;
    V W, G, c;  // (G k, k): the columns of the cell's W for psi  (k, d) (1, k)
    typename Own::template Params<V> own;
    typename Others::template Params<V> others;
  };
  template <class V>
  struct Kept {
    V z, slope, u, sum, other, du, gate, gate_slope;  // (L n, k) each; `plain`: u is the sum, and du its gradient
    typename Others::template Kept<V> others;
  };

  void declare(auto& fields, auto& p, Extent d, Extent k, Extent sums) const {
    const auto inside = uniform(1 / std::sqrt(static_cast<double>(k))),
               outside = uniform(1 / std::sqrt(static_cast<double>(d)));
    ffn.declare(fields, "joiner.ffn", p.F, k);
    own.declare(fields, p.own, k);
    others.declare(fields, p.others, k);
    fields.trained("joiner.weight_ih", p.W, sums, k, inside);
    if (!gated) return;
    fields.trained("joiner.gate.weight", p.G, k, d, outside);
    fields.vector("joiner.gate.bias", p.c, k, outside);
  }
  /// Before the steps, from every phi at once (L n, d).
  void begin(auto& c, const auto& p, auto& kept, auto phi) const {
    const Extent n = rows(phi), k = rows(p.F.F1);
    for (auto* v : {&kept.z, &kept.slope, &kept.sum, &kept.other}) *v = c.keep(n, k, "joiner");
    kept.u = plain ? kept.sum : c.keep(n, k, "joiner");
    kept.du = plain ? sum_gradient(kept) : c.keep(n, k, "joiner");
    others.begin(c, kept.others, n, k);
    if (!gated) return;
    for (auto* v : {&kept.gate, &kept.gate_slope}) *v = c.keep(n, k, "joiner");
    ops::broadcast_row(c, kept.gate, p.c);
    ops::gemm(c, kept.gate, phi, t(p.G), 1, 1);  // g    = sigmoid(phi G' + c)   (L n, k)
    ops::activate(c, kept.gate, kept.gate_slope, ops::Sigmoid{});
  }
  void forward(auto& c, const auto& p, auto& kept, int i, auto before, auto a) const {
    const Extent n = rows(a);
    const auto u = step_of(kept.u, i, n), sum = step_of(kept.sum, i, n), out = step_of(psi(kept), i, n);
    ffn.forward(c, p.F, before, step_of(kept.z, i, n), step_of(kept.slope, i, n), u);
    if (!plain) own.forward(c, p.own, u, sum);
    others.forward(c, p.others, kept.others, i, u, sum);
    if (gated) ops::multiply(c, out, sum, step_of(kept.gate, i, n));
    ops::gemm(c, a, out, t(p.W), 1, 1);  // a   += psi W'                (n, G k)
  }
  /// Adds to dh, the gradient of h_{i-1}. What `finish` needs takes the place of what only this step reads.
  void backward(auto& c, const auto& p, auto& kept, int i, auto, auto da, auto dh) const {
    const Extent n = rows(da);
    const auto dsum = step_of(sum_gradient(kept), i, n), du = step_of(kept.du, i, n);
    if (gated) {
      const auto scope = c.w.scope();
      const auto dg = step_of(kept.gate_slope, i, n);
      auto dpsi = c.temp(n, cols(du));
      ops::gemm(c, dpsi, da, p.W);  // dpsi = da W                  (n, k)
      ops::multiply(c, dg, dg, step_of(kept.sum, i, n));
      ops::multiply(c, dg, dg, dpsi);  // dg   = dpsi * sum * g'
      ops::multiply(c, dsum, dpsi, step_of(kept.gate, i, n));
    } else {
      ops::gemm(c, dsum, da, p.W);
    }
    if (!plain) own.backward(c, p.own, dsum, du);
    others.backward(c, p.others, kept.others, i, dsum, du);
    ffn.backward(c, p.F, du, step_of(kept.slope, i, n), i > 0 ? dh : decltype(dh){});
  }
  /// Gradients, one product each over all steps. dsums (L n, G k), h (L n, k), phi (L n, d).
  void finish(auto& c, auto& kept, auto dsums, auto h, auto phi, Extent n, auto& g) const {
    const auto dsum = sum_gradient(kept);
    ops::gemm(c, g.W, t(dsums), psi(kept), 1, 1);
    own.finish(c, kept.u, dsum, g.own);
    others.finish(c, kept.others, dsum, g.others);
    ffn.finish(c, kept.du, kept.z, kept.slope, slice(h, 0, rows(h) - n), g.F);
    if (!gated) return;
    ops::gemm(c, g.G, t(kept.gate_slope), phi, 1, 1);
    ops::add_column_sums(c, g.c, kept.gate_slope);
  }

 private:
  auto psi(auto& kept) const { return gated ? kept.other : kept.sum; }
  auto sum_gradient(auto& kept) const { return gated ? kept.sum : kept.other; }
};
using Concat = Concatenated<>;

}  // namespace peft
