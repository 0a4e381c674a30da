// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cmath>
#include <map>
#include <string>

#include <peft/drop.hpp>
#include <peft/gate/open.hpp>
#include <peft/gate/proximal.hpp>
#include <peft/method.hpp>
#include <peft/ops/gemm.hpp>
#include <peft/ops/map.hpp>

namespace peft {

/// s = alpha / r, or alpha / sqrt(r) (rsLoRA: Kalajdzievski, 2023, so that large ranks learn as fast as small ones).
enum class LoraScale { rank, root };
/// A ~ U(+-1/sqrt(in)), as loralib and PEFT; or A ~ N(0, 1/r^2), the Gaussian that the paper names (section 4.1) with
/// PEFT's deviation.
enum class LoraStart { uniform, gaussian };

/// LoRA (Hu et al., 2021):  y += s B (A drop(x)),  s = alpha / r.  B = 0 at first.
/// With a gate G on the rank axis:  y += s B (g * (A drop(x))).  Trains r (in + out) per matrix, and the gate's.
template <int r, class G = Open>
struct LoRA {
  static_assert(r > 0 || r == Dynamic, "peft::LoRA<r>: the rank r must be positive, or Dynamic");
  static_assert(
      SaysWhetherItScales<G>,
      "peft::LoRA<r, G>: the gate does not say whether it gives each rank a factor that does not depend on h, h <- g * h: "
      "`static constexpr bool scales = true`, or false (peft/concepts.hpp: IsGate)");
  static_assert(!SaysWhetherItScales<G> || IsGate<G>, "peft::LoRA<r, G>: G is no gate (peft/concepts.hpp: IsGate)");
  static constexpr Route route = Route::branch;
  static constexpr Kind fits = Kind::linear;
  static constexpr Keep keeps = Keep::input;
  using Places = At<Query | Value | CrossQuery | CrossValue | FusedQkv>;
  template <class H>
  using gated = LoRA<r, H>;

  int rank = r == Dynamic ? 8 : r;
  double alpha = 16;
  double dropout = 0;
  LoraScale scaling = LoraScale::rank;
  LoraStart start = LoraStart::uniform;
  double b_rate = 1;  // B's learning rate over A's: LoRA+ (Hayou et al., 2024), which advises 16
  [[no_unique_address]] G gate{};
  std::map<std::string, int> ranks{};      // Dynamic: rank by module path; 0 leaves the module out
  std::map<std::string, double> alphas{};  // Dynamic: alpha by module path
  /// What may be set by name.
  void each_setting(auto&& set) {
    if constexpr (r == Dynamic) set("rank", rank);
    set("alpha", alpha), set("dropout", dropout), set("lora-plus", b_rate);
    if constexpr (requires { gate.each_setting(set); }) gate.each_setting(set);
  }

  template <class V>
  struct Params : G::template Params<V> {
    V A, B;  // (r, in)  (out, r)
    double scale = 0;
  };
  template <class V>
  struct Kept {
    V h;  // (n, r)
  };

  bool attaches(const Module& m) const { return rank_of(m) > 0; }
  int rank_of(const Module& m) const {
    const auto known = ranks.find(m.path);
    return r != Dynamic || known == ranks.end() ? rank : known->second;
  }
  double alpha_of(const Module& m) const {
    const auto known = alphas.find(m.path);
    return known == alphas.end() ? alpha : known->second;
  }
  double scale_of(const Module& m) const {
    return alpha_of(m) / (scaling == LoraScale::rank ? rank_of(m) : std::sqrt(double(rank_of(m))));
  }
  void declare(auto& fields, auto& p, const Module& m) const {
    const int n = rank_of(m);
    fields.trained("lora_A.weight", p.A, n, m.in,
                   start == LoraStart::uniform ? uniform(1 / std::sqrt(double(m.in))) : normal(1. / n));
    fields.trained("lora_B.weight", p.B, m.out, n, zeros(), {.lr_factor = b_rate, .decays = true});
    gate.declare(fields, p, n);
    p.scale = scale_of(m);
  }

  void forward(auto& c, const auto& p, auto x, auto y, auto& kept) const {
    kept.h = c.keep(rows(x), rows(p.A), "lora");
    const auto scope = c.w.scope();
    ops::gemm(c, kept.h, drop(c, x, dropout), t(p.A));       // h   = drop(x) A'      (n, r)
    const auto u = gate.forward(c, p, kept.h);  // u   = g * h           (n, r)
    ops::gemm(c, y, u, t(p.B), p.scale, 1);            // y  += s u B'          (n, out)
  }

  void backward(auto& c, const auto& p, auto x, auto dy, const auto& kept, auto& g, auto dx) const {
    const auto scope = c.w.scope();
    const auto u = gate.forward(c, p, kept.h);
    ops::gemm(c, g.B, t(dy), u, p.scale, 1);           // dB += s dy' u         (out, r)
    auto dh = c.temp(rows(x), rows(p.A));
    ops::gemm(c, dh, dy, p.B, p.scale);                // du  = s dy B          (n, r)
    gate.backward(c, p, kept.h, dh, g);                       // dh  = g * du          (n, r)
    ops::gemm(c, g.A, t(dh), drop(c, x, dropout), 1, 1);     // dA += dh' drop(x)     (r, in)
    if (!empty(dx))                                       // dx += drop(dh A)      (n, in)
      drop_backward(c, dx, dropout, [&](auto to, double beta) { ops::gemm(c, to, dh, p.A, 1, beta); });
  }

  /// W += s B diag(g) A: what the branch adds, as a change of the site's weight (out, in).
  void merge(auto& c, const auto& p, auto W) const
    requires ScalesRanks<G>
  {
    const auto scope = c.w.scope();
    ops::gemm(c, W, folded(c, p), p.A, p.scale, 1);
  }
  /// B diag(g), a temporary where there is a gate: a factor per rank acts on the rows of B as on those of h.  (out, r)
  auto folded(auto& c, const auto& p) const
    requires ScalesRanks<G>
  {
    return gate.forward(c, p, p.B);
  }
  void settings(auto&& says) const {
    says("alpha", alpha);
    says("scaling", scaling == LoraScale::rank ? "rank" : "root");
    for (const auto& [path, own] : alphas) says("alpha of " + path, own);
  }
};

/// Is D a LoRA, all that it does said by A, B, its scale and its gate (and what PEFT's files hold besides)? A type that
/// derives from one and does something else is none.
template <class D>
inline constexpr bool is_lora = false;
template <int r, class G>
inline constexpr bool is_lora<LoRA<r, G>> = true;

}  // namespace peft
