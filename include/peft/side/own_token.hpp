// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cmath>

#include <peft/core/fields.hpp>
#include <peft/ops/gemm.hpp>
#include <peft/ops/map.hpp>

namespace peft {

// The term of a token itself in READ's psi, made of u = F h of the step before (n, k).

/// u as it is: Phi is part of F's last map. No parameters.
struct Itself {
  static constexpr bool copies = true;
  template <class V>
  struct Params {};
  void declare(auto&, auto&, Extent) const {}
  void forward(auto& c, const auto&, auto u, auto sum) const { ops::copy(c, sum, u); }
  void backward(auto& c, const auto&, auto dsum, auto du) const { ops::copy(c, du, dsum); }
  void finish(auto&, auto, auto, auto&) const {}
};

/// Phi u (READ, eqs. 12 and 13), one learned matrix for all layers. Phi ~ U(+-1/sqrt(k)), trains k^2.
struct OwnToken {
  static constexpr bool copies = false;
  template <class V>
  struct Params {
    V Phi;  // (k, k)
  };
  void declare(auto& fields, auto& p, Extent k) const {
    fields.trained("joiner.phi.weight", p.Phi, k, k, uniform(1 / std::sqrt(static_cast<double>(k))));
  }
  void forward(auto& c, const auto& p, auto u, auto sum) const { ops::gemm(c, sum, u, t(p.Phi)); }
  void backward(auto& c, const auto& p, auto dsum, auto du) const { ops::gemm(c, du, dsum, p.Phi); }
  /// u, dsum (L n, k): of all steps.
  void finish(auto& c, auto u, auto dsum, auto& g) const { ops::gemm(c, g.Phi, t(dsum), u, 1, 1); }
};

}  // namespace peft
