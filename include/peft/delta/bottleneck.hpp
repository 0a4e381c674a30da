// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>

#include <peft/method.hpp>
#include <peft/ops/activation.hpp>
#include <peft/ops/gemm.hpp>
#include <peft/ops/map.hpp>
#include <peft/ops/reduce.hpp>

namespace peft {

/// What every adapter computes, wherever its matrices come from:  y += s (U (g * f(D x + b)) + c).  With Route::post, x
/// is y itself, the output of the site (sequential); with Route::branch, x is the site's input (parallel).
template <Route r, class F, class G>
struct Bottleneck {
  static_assert(r == Route::post || r == Route::branch,
                "peft::Bottleneck: an adapter comes after its site (post) or beside it (branch)");
  static_assert(
      SaysWhetherItScales<G>,
      "peft::Bottleneck: the gate does not say whether it gives each rank a factor that does not depend on h, h <- g * h: "
      "`static constexpr bool scales = true`, or false (peft/concepts.hpp: IsGate)");
  static_assert(!SaysWhetherItScales<G> || IsGate<G>, "peft::Bottleneck: G is no gate (peft/concepts.hpp: IsGate)");
  static constexpr Route route = r;
  static constexpr Kind fits = Kind::hidden | Kind::linear;
  static constexpr Keep keeps = r == Route::branch ? Keep::input : Keep::nothing;

  int width = 64;
  int reduction = 0;  // unless 0, the width is that of the site over this
  double scale = 1;
  [[no_unique_address]] G gate{};

  /// What may be set by name.
  void each_setting(auto&& set) {
    set("width", width), set("reduction", reduction), set("scale", scale);
    if constexpr (requires { gate.each_setting(set); }) gate.each_setting(set);
  }

  template <class V>
  struct Params : G::template Params<V> {
    V down, down_bias, up, up_bias;  // (w, in) (1, w) (out, w) (1, out)
  };
  template <class V>
  struct Kept {
    V x, u, slope;  // (n, in) of a sequential one; (n, w) twice
  };

  Extent width_of(const Module& m) const { return reduction > 0 ? std::max(1, in_of(m) / reduction) : width; }
  static Extent in_of(const Module& m) { return r == Route::post ? m.out : m.in; }

  void forward(auto& c, const auto& p, auto x, auto y, auto& kept) const {
    kept.u = c.keep(rows(x), rows(p.down), "adapter");
    kept.slope = c.keep(rows(x), rows(p.down), "adapter");
    const auto scope = c.w.scope();
    ops::broadcast_row(c, kept.u, p.down_bias);
    ops::gemm(c, kept.u, x, t(p.down), 1, 1);  // a   = x D' + b           (n, w)
    ops::activate(c, kept.u, kept.slope, F{});  // u   = f(a)               (n, w)
    const auto u = gate.forward(c, p, kept.u);  //       g * u              (n, w)
    ops::gemm(c, y, u, t(p.up), scale, 1);  // y  += s (g * u) U'       (n, out)
    ops::add_row(c, y, p.up_bias, scale);  // y  += s c                (n, out)
  }
  /// dx may be dy.
  void backward(auto& c, const auto& p, auto x, auto dy, const auto& kept, auto& g, auto dx) const {
    const auto scope = c.w.scope();
    auto du = c.temp(rows(x), rows(p.down));
    ops::gemm(c, g.up, t(dy), gate.forward(c, p, kept.u), scale, 1);  // dU += s dy' (g * u)      (out, w)
    ops::add_column_sums(c, g.up_bias, dy, scale);  // dc += s sum_n dy         (1, out)
    ops::gemm(c, du, dy, p.up, scale);  // du  = s dy U             (n, w)
    gate.backward(c, p, kept.u, du, g);  // du  = g * du             (n, w)
    ops::multiply(c, du, du, kept.slope);  // da  = f'(a) * du         (n, w)
    ops::gemm(c, g.down, t(du), x, 1, 1);  // dD += da' x              (w, in)
    ops::add_column_sums(c, g.down_bias, du);  // db += sum_n da           (1, w)
    if (!empty(dx)) ops::gemm(c, dx, du, p.down, 1, 1);  // dx += da D               (n, in)
  }
  void forward(auto& c, const auto& p, auto h, auto& kept) const {
    kept.x = c.keep(rows(h), cols(h), "adapter");
    ops::copy(c, kept.x, h);
    forward(c, p, kept.x, h, kept);
  }
  void backward(auto& c, const auto& p, auto dh, const auto& kept, auto& g) const {
    backward(c, p, kept.x, dh, kept, g, dh);
  }
  void settings(auto&& says) const { says("scale", scale); }

 protected:
  static constexpr const char* down_name = r == Route::post ? "adapter_down" : "parallel_down";
  static constexpr const char* up_name = r == Route::post ? "adapter_up" : "parallel_up";
};

}  // namespace peft
