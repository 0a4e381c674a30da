// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cmath>

#include <peft/core/fields.hpp>
#include <peft/ops/activation.hpp>
#include <peft/ops/gemm.hpp>
#include <peft/ops/reduce.hpp>
#include <peft/side/steps.hpp>

namespace peft {

// A joiner makes a cell's input x_i of what the backbone has, phi_i (n, d), and of the state h_{i-1} (n, k). What it takes from
// phi alone is one product over all layers; what it takes from h is added to the cell's sums a_i (n, G k) step by step.

/// x_i = phi_i: Algorithm 1 on an encoder. No parameters.
struct Direct {
  template <class V>
  struct Params {};
  template <class V>
  struct Kept {};
  void declare(auto&, auto&, Extent, Extent, Extent) const {}
  void begin(auto&, const auto&, auto&, auto) const {}
  void forward(auto&, const auto&, auto&, int, auto, auto) const {}
  void backward(auto&, const auto&, auto&, int, auto, auto, auto) const {}
  void finish(auto&, auto&, auto, auto, auto, Extent, auto&) const {}
};

/// x_i = [phi_i; psi_i] (READ, eq. 12) with the terms of the token itself:
///   psi_i = F h_{i-1},  F h = F2 tanh(F1 h + b1) + b2;   gated (eq. 14):  psi_i = sigmoid(G phi_i + c) * F h_{i-1}.
/// The terms over other tokens need attention scores, which no tap shows yet: they would add to psi. All of width k.
/// Matrices ~ U(+-1/sqrt(in)). Trains 2 (k^2 + k) + G k^2, and d k + k when gated.
struct Concat {
  bool gated = false;

  template <class V>
  struct Params {
    V F1, b1, F2, b2, W, G, c;  // (k, k) (1, k) (k, k) (1, k)  (G k, k): the columns of the cell's W for psi  (k, d) (1, k)
  };
  template <class V>
  struct Kept {
    V z, slope, f, other, gate, gate_slope;  // (L n, k) each
  };

  void declare(auto& fields, auto& p, Extent d, Extent k, Extent sums) const {
    const auto inside = uniform(1 / std::sqrt(static_cast<double>(k))), outside = uniform(1 / std::sqrt(static_cast<double>(d)));
    fields.trained("joiner.ffn.0.weight", p.F1, k, k, inside);
    fields.vector("joiner.ffn.0.bias", p.b1, k, inside);
    fields.trained("joiner.ffn.1.weight", p.F2, k, k, inside);
    fields.vector("joiner.ffn.1.bias", p.b2, k, inside);
    fields.trained("joiner.weight_ih", p.W, sums, k, inside);
    if (!gated) return;
    fields.trained("joiner.gate.weight", p.G, k, d, outside);
    fields.vector("joiner.gate.bias", p.c, k, outside);
  }
  /// Before the steps, from every phi at once (L n, d).
  void begin(auto& c, const auto& p, auto& kept, auto phi) const {
    const Extent n = rows(phi), k = rows(p.F1);
    for (auto* v : {&kept.z, &kept.slope, &kept.f, &kept.other}) *v = c.keep(n, k, "joiner");
    if (!gated) return;
    for (auto* v : {&kept.gate, &kept.gate_slope}) *v = c.keep(n, k, "joiner");
    ops::broadcast_row(c.w, kept.gate, constant(p.c));
    ops::gemm(c.w, kept.gate, phi, t(p.G), 1, 1);                // g    = sigmoid(phi G' + c)   (L n, k)
    ops::activate(c.w, kept.gate, kept.gate_slope, ops::Sigmoid{});
  }
  void forward(auto& c, const auto& p, auto& kept, int i, auto before, auto a) const {
    const Extent n = rows(a);
    const auto z = step_of(kept.z, i, n), f = step_of(kept.f, i, n), out = step_of(psi(kept), i, n);
    ops::broadcast_row(c.w, z, constant(p.b1));
    if (!empty(before)) ops::gemm(c.w, z, before, t(p.F1), 1, 1);  // z  = tanh(h- F1' + b1)       (n, k)
    ops::activate(c.w, z, step_of(kept.slope, i, n), ops::Tanh{});
    ops::broadcast_row(c.w, f, constant(p.b2));
    ops::gemm(c.w, f, z, t(p.F2), 1, 1);                         // f    = z F2' + b2            (n, k)
    if (gated) ops::multiply(c.w, out, constant(f), constant(step_of(kept.gate, i, n)));
    ops::gemm(c.w, a, out, t(p.W), 1, 1);                        // a   += psi W'                (n, G k)
  }
  /// Adds to dh, the gradient of h_{i-1}. What `finish` needs takes the place of what only this step reads.
  void backward(auto& c, const auto& p, auto& kept, int i, auto before, auto da, auto dh) const {
    const auto scope = c.w.scope();
    const Extent n = rows(da);
    const auto f = step_of(kept.f, i, n), df = step_of(gated ? kept.f : kept.other, i, n), dz = step_of(kept.slope, i, n);
    auto through = c.temp(n, cols(f));
    ops::gemm(c.w, gated ? through : df, da, p.W);               // dpsi = da W                  (n, k)
    if (gated) {
      const auto dg = step_of(kept.gate_slope, i, n);
      ops::multiply(c.w, dg, constant(dg), constant(f));
      ops::multiply(c.w, dg, constant(dg), constant(through));   // dg   = dpsi * f * g'
      ops::multiply(c.w, df, constant(through), constant(step_of(kept.gate, i, n)));  // df = dpsi * g
    }
    ops::gemm(c.w, through, df, p.F2);
    ops::multiply(c.w, dz, constant(dz), constant(through));     // dz   = df F2 * z'            (n, k)
    if (!empty(before)) ops::gemm(c.w, dh, dz, p.F1, 1, 1);      // dh- += dz F1
  }
  /// Gradients, one product each over all steps. dsums (L n, G k), h (L n, k), phi (L n, d).
  void finish(auto& c, auto& kept, auto dsums, auto h, auto phi, Extent n, auto& g) const {
    const auto df = gated ? kept.f : kept.other, dz = kept.slope;
    const Extent all = rows(h);
    ops::gemm(c.w, g.W, t(dsums), psi(kept), 1, 1);
    ops::gemm(c.w, g.F2, t(df), kept.z, 1, 1);
    ops::add_column_sums(c.w, g.b2, constant(df));
    ops::gemm(c.w, g.F1, t(slice(dz, n, all)), slice(h, 0, all - n), 1, 1);
    ops::add_column_sums(c.w, g.b1, constant(dz));
    if (!gated) return;
    ops::gemm(c.w, g.G, t(kept.gate_slope), phi, 1, 1);
    ops::add_column_sums(c.w, g.c, constant(kept.gate_slope));
  }

 private:
  auto psi(auto& kept) const { return gated ? kept.other : kept.f; }
};

}  // namespace peft
