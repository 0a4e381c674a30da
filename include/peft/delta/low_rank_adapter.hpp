// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cmath>

#include <peft/delta/bottleneck.hpp>
#include <peft/gate/open.hpp>

namespace peft {

/// Low-rank adapter (the baseline of Karimi Mahabadi et al., 2021, section 4.1): an adapter, GELU by tanh, whose
/// matrices are products of rank k,  h <- h + (l_up r_up)' f((l_down r_down)' h + b) + c.  k = 1, reduction 32,
/// Glorot-uniform with gain sqrt(2), b and c zero. Trains 2 k (d + w) + w + d per place. The matrices are multiplied
/// out once per step.
template <class F = ops::GeluTanh, class G = Open>
struct LowRankAdapter : Bottleneck<Route::post, F, G> {
  using Places = At<Attention | CrossAttention, Ffn>;
  template <class H>
  using gated = LowRankAdapter<F, H>;
  using Base = Bottleneck<Route::post, F, G>;

  int rank = 1;

  /// What may be set by name.
  void each_setting(auto&& set) {
    set("rank", rank);
    Base::each_setting(set);
  }

  LowRankAdapter() { this->reduction = 32; }

  template <class V>
  struct Factors {
    V left, right;  // (in, k) (k, out)
  };
  template <class V>
  struct Params : Base::template Params<V> {
    Factors<V> down_factors, up_factors;
  };

  void declare(auto& fields, auto& p, const Module& m) const {
    const Extent w = this->width_of(m);
    declare(fields, "adapter_down", p.down, p.down_factors, p.down_bias, m.out, w);
    declare(fields, "adapter_up", p.up, p.up_factors, p.up_bias, w, m.out);
    this->gate.declare(fields, p, w);
  }
  void prepare(auto& c, auto& all) const {
    for (auto& p : all.modules) {
      ops::gemm(c, p.down, t(p.down_factors.right), t(p.down_factors.left));  // D = (l r)'   (w, d)
      ops::gemm(c, p.up, t(p.up_factors.right), t(p.up_factors.left));        // U = (l r)'   (d, w)
    }
  }
  void finish(auto& c, auto& all, auto& grads) const {
    for (std::size_t m = 0; m < all.modules.size(); ++m) {
      auto &p = all.modules[m], &g = grads.modules[m];
      turn_back(c, p.down_factors, g.down, g.down_factors);
      turn_back(c, p.up_factors, g.up, g.up_factors);
    }
  }

 private:
  void declare(auto& fields, const std::string& name, auto& W, auto& factors, auto& bias, Extent in, Extent out) const {
    const auto glorot = [](double a, double b) { return uniform(std::sqrt(12 / (a + b))); };
    fields.trained(name + ".left", factors.left, in, rank, glorot(in, rank));
    fields.trained(name + ".right", factors.right, rank, out, glorot(rank, out));
    fields.vector(name + ".bias", bias, out);
    fields.derived(name + ".weight", W, out, in);
  }
  void turn_back(auto& c, const auto& factors, auto dW, auto& g) const {
    ops::gemm(c, g.left, t(dW), t(factors.right), 1, 1);   // dl += dW' r'   (in, k)
    ops::gemm(c, g.right, t(factors.left), t(dW), 1, 1);   // dr += l' dW'   (k, out)
  }
};

}  // namespace peft
