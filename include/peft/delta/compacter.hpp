// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cmath>

#include <peft/delta/bottleneck.hpp>
#include <peft/gate/open.hpp>
#include <peft/ops/blocks.hpp>

namespace peft {

/// Compacter (Karimi Mahabadi et al., 2021, eq. 5): an adapter, GELU by tanh, whose matrices are sums of n Kronecker
/// products,
///   H = sum_i A_i (x) (s_i t_i),   A_i (n, n),  s_i (in / n, k),  t_i (k, out / n),   h <- h + H_up' f(H_down' h + b) + c.
/// The rule A is one for the whole model, or each matrix's own; s t is a product of rank k = 1. Begins as the released
/// code: shared A ~ N(0, 0.0001^2) (own: 0.01^2), s and t Glorot-uniform with gain sqrt(2), b and c zero; n = 4,
/// reduction 32. Trains n^3 and, per place, 2 k (d + w) + w + d. H is made once per step.
template <class F = ops::GeluTanh, class G = Open>
struct Compacter : Bottleneck<Route::post, F, G> {
  using Places = At<Attention | CrossAttention, Ffn>;
  template <class H>
  using gated = Compacter<F, H>;
  using Base = Bottleneck<Route::post, F, G>;

  int n = 4;
  int rank = 1;
  bool shared_rule = true;

  /// What may be set by name.
  void each_setting(auto&& set) {
    set("n", n), set("rank", rank), set("shared-rule", shared_rule);
    Base::each_setting(set);
  }

  Compacter() { this->reduction = 32; }

  template <class V>
  struct Phm {
    V A, s, t;  // (n, n n) of its own, (in, k), (n k, out / n): those of i = 0 first
  };
  template <class V>
  struct Shared {
    V A;  // (n, n n)
  };
  template <class V>
  struct Params : Base::template Params<V> {
    Phm<V> down_phm, up_phm;
  };

  void declare_shared(auto& fields, auto& s, const auto&) const {
    if (shared_rule) fields.trained("phm_rule", s.A, n, n * n, normal(1e-4));
  }
  void declare(auto& fields, auto& p, const Module& m) const {
    const Extent w = this->width_of(m);
    require(n > 0 && w % n == 0 && m.out % n == 0, m.path, ": Compacter's n = ", n, " does not divide the width ",
            m.out, " or the bottleneck's ", w);
    declare(fields, "adapter_down", p.down, p.down_phm, p.down_bias, m.out, w);
    declare(fields, "adapter_up", p.up, p.up_phm, p.up_bias, w, m.out);
    this->gate.declare(fields, p, w);
  }

  void prepare(auto& c, auto& all) const {
    for (auto& p : all.modules) {
      make(c, rule(all, p.down_phm), p.down_phm, p.down);
      make(c, rule(all, p.up_phm), p.up_phm, p.up);
    }
  }
  void finish(auto& c, auto& all, auto& grads) const {
    for (std::size_t m = 0; m < all.modules.size(); ++m) {
      auto &p = all.modules[m], &g = grads.modules[m];
      unmake(c, rule(all, p.down_phm), p.down_phm, g.down, rule(grads, g.down_phm), g.down_phm);
      unmake(c, rule(all, p.up_phm), p.up_phm, g.up, rule(grads, g.up_phm), g.up_phm);
    }
  }

 private:
  auto rule(auto& all, auto& phm) const { return shared_rule ? all.shared.A : phm.A; }
  void declare(auto& fields, const std::string& name, auto& H, auto& phm, auto& bias, Extent in, Extent out) const {
    const auto glorot = [](double a, double b) { return uniform(std::sqrt(12 / (a + b))); };
    if (!shared_rule) fields.trained(name + ".rule", phm.A, n, n * n, normal(1e-2));
    fields.trained(name + ".s", phm.s, in, rank, glorot(in / n, rank));
    fields.trained(name + ".t", phm.t, n * rank, out / n, glorot(rank, out / n));
    fields.vector(name + ".bias", bias, out);
    fields.derived(name + ".weight", H, out, in);
  }
  /// The n matrices (s_i t_i)' (out / n, in / n), one below the other; as (n, in out / n^2) each is a row.
  auto products(auto& c, const auto& phm) const {
    auto W = c.temp(n * cols(phm.t), rows(phm.s) / n);
    for (int i = 0; i < n; ++i) ops::gemm(c, part(W, i), t(part(phm.t, i)), t(part(phm.s, i)));
    return W;
  }
  auto part(const auto& x, int i) const { return slice(x, i * (rows(x) / n), (i + 1) * (rows(x) / n)); }
  auto flat(const auto& x) const { return std::decay_t<decltype(x)>(x.data(), n, rows(x) / n * cols(x)); }

  /// H' (out, in): its n n blocks K = A' W, put in their places.
  void make(auto& c, auto A, const auto& phm, auto H) const {
    const auto scope = c.w.scope();
    const auto W = flat(products(c, phm));
    auto K = c.temp(n * n, cols(W));
    ops::gemm(c, K, t(A), W);
    ops::from_blocks(c, H, K, n);
  }
  void unmake(auto& c, auto A, const auto& phm, auto dH, auto dA, auto& g) const {
    const auto scope = c.w.scope();
    const auto W = products(c, phm);
    auto dK = c.temp(n * n, cols(flat(W))), dW = c.temp(rows(W), cols(W));
    ops::to_blocks(c, dK, dH, n);
    ops::gemm(c, dA, flat(W), t(dK), 1, 1);  // dA += W dK'                   (n, n n)
    ops::gemm(c, flat(dW), A, dK);  // dW  = A dK                    (n, in out / n^2)
    for (int i = 0; i < n; ++i) {
      ops::gemm(c, part(g.s, i), t(part(dW, i)), t(part(phm.t, i)), 1, 1);  // ds_i += dW_i t_i'    (in / n, k)
      ops::gemm(c, part(g.t, i), t(part(phm.s, i)), t(part(dW, i)), 1, 1);  // dt_i += s_i' dW_i    (k, out / n)
    }
  }
};

}  // namespace peft
