// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cmath>
#include <vector>

#include <peft/core/fields.hpp>
#include <peft/ops/gemm.hpp>
#include <peft/ops/map.hpp>
#include <peft/ops/ragged.hpp>
#include <peft/side/steps.hpp>

namespace peft {

// The terms of other tokens in READ's psi, weighed by the backbone's attention scores.

/// None: Psi = 0.
struct NoOthers {
  static constexpr bool present = false, own_scores = false;
  template <class V>
  struct Params {};
  template <class V>
  struct Kept {};
  void declare(auto&, auto&, Extent) const {}
  void begin(auto&, auto&, Extent, Extent) const {}
  void forward(auto&, const auto&, auto&, int, auto, auto) const {}
  void backward(auto&, const auto&, auto&, int, auto, auto) const {}
  void finish(auto&, auto&, auto, auto&) const {}
};

/// What both below compute:  sum_b sigma_i^ab Psi v^b,  sigma_i the scores of layer i, their mean over the heads, and
/// Psi one learned matrix for all layers, ~ U(+-1/sqrt(k)). Trains k^2.
struct WeighedTokens {
  static constexpr bool present = true;
  template <class V>
  struct Params {
    V Psi;  // (k, k)
  };
  template <class V>
  struct Kept {
    std::vector<ops::Ragged<V>> scores;  // per step
    V seen;                              // (L n, k) sigma v
    V source, source_gradient;           // (source rows, k) what an encoder gave, the same in all steps
  };
  void declare(auto& fields, auto& p, Extent k) const {
    fields.trained("joiner.psi.weight", p.Psi, k, k, uniform(1 / std::sqrt(static_cast<double>(k))));
  }
  /// n: rows of all steps together.
  void begin(auto& c, auto& kept, Extent n, Extent k) const { kept.seen = c.keep(n, k, "joiner"); }
  void finish(auto& c, auto& kept, auto dsum, auto& g) const { ops::gemm(c, g.Psi, t(dsum), kept.seen, 1, 1); }

 protected:
  void add(auto& c, const auto& p, auto& kept, int i, auto v, auto sum) const {
    const auto& scores = kept.scores[static_cast<std::size_t>(i)];
    const auto seen = step_of(kept.seen, i, rows(sum));
    ops::ragged_product(c, scores.segments, scores.p, v, seen);
    ops::gemm(c, sum, seen, t(p.Psi), 1, 1);                   // sum += (sigma v) Psi'        (n, k)
  }
  void add_backward(auto& c, const auto& p, auto& kept, int i, auto dsum, auto dv) const {
    const auto scope = c.w.scope();
    const auto& scores = kept.scores[static_cast<std::size_t>(i)];
    auto dseen = c.temp(rows(dsum), cols(dsum));
    ops::gemm(c, dseen, dsum, p.Psi);
    ops::ragged_product_backward(c, scores.segments, scores.p, dseen,
                                 dv);  // dv += sigma' dsum Psi
  }
};

/// Of the same sequence, through attention to itself (READ, eq. 12): v = u = F h of the step before.
struct SameSequence : WeighedTokens {
  static constexpr bool own_scores = true;
  void forward(auto& c, const auto& p, auto& kept, int i, auto u, auto sum) const { add(c, p, kept, i, u, sum); }
  void backward(auto& c, const auto& p, auto& kept, int i, auto dsum, auto du) const {
    add_backward(c, p, kept, i, dsum, du);
  }
};

/// Of the source, through a decoder's attention to its encoder (READ, eq. 13): v = F^E h^E of the encoder's last step.
struct SourceSequence : WeighedTokens {
  static constexpr bool own_scores = false;
  void forward(auto& c, const auto& p, auto& kept, int i, auto, auto sum) const {
    add(c, p, kept, i, kept.source, sum);
  }
  void backward(auto& c, const auto& p, auto& kept, int i, auto dsum, auto) const {
    add_backward(c, p, kept, i, dsum, kept.source_gradient);
  }
};

}  // namespace peft
