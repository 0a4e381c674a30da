// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <peft/method.hpp>

namespace peft {

/// BitFit (Ben Zaken et al., 2022): the biases that the backbone has are trained in place, and nothing else of it. On a
/// backbone that has none see AddedBias.
struct Bias {
  static constexpr Route route = Route::weight;
  static constexpr Kind fits = Kind::linear | Kind::norm;
  static constexpr Need needs = Need::biases;  // refused where the backbone has none
  using Places = At<Linear | Norm | Pooler | only(Site::position_key) | only(Site::position_query)>;

  template <class V>
  struct Params {
    V b;  // (1, out)
  };
  template <class V>
  struct Kept {};

  bool attaches(const Module& m) const { return m.bias; }
  void declare(auto& fields, auto& p, const Module& m) const { fields.vector("bias", p.b, m.out, from_checkpoint()); }
  auto weights(const auto& p, auto frozen) const -> decltype(frozen) { return {frozen.w, p.b}; }
  auto gradient(auto& g) const { return Weights<std::remove_reference_t<decltype(g.b)>>{{}, g.b}; }
};

}  // namespace peft
