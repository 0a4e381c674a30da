// SPDX-License-Identifier: Apache-2.0
// Hidden sites: a sequential adapter after attention and feed-forward, a parallel one beside them.
#include "whole.hpp"

#include <peft/ops/activation.hpp>

using namespace peft;

namespace {

template <Route r>
struct Bottleneck {
  static constexpr Route route = r;
  static constexpr Kind fits = Kind::hidden | Kind::linear;
  static constexpr Keep keeps = Keep::input;
  int width = 3;

  template <class V>
  struct Params {
    V down, bias, up;  // (r, in) (1, r) (out, r)
  };
  template <class V>
  struct Kept {
    V x, u, slope;
  };
  void declare(auto& fields, auto& p, const Module& m) const {
    fields.trained("down", p.down, width, r == Route::post ? m.out : m.in, normal(0.01));
    fields.vector("down_bias", p.bias, width);
    fields.trained("up", p.up, m.out, width, normal(0.01));
  }
  // y += up(gelu(down(x)))
  void forward(auto& c, const auto& p, auto x, auto y, auto& kept) const {
    kept.u = c.keep(rows(x), width);
    kept.slope = c.keep(rows(x), width);
    ops::broadcast_row(c.w, kept.u, constant(p.bias));
    ops::gemm(c.w, kept.u, x, t(p.down), 1, 1);
    ops::activate(c.w, kept.u, kept.slope, ops::Gelu{});
    ops::gemm(c.w, y, kept.u, t(p.up), 1, 1);
  }
  void backward(auto& c, const auto& p, auto x, auto dy, const auto& kept, auto& g, auto dx) const {
    const auto scope = c.w.scope();
    auto du = c.temp(rows(x), width);
    ops::gemm(c.w, g.up, t(dy), kept.u, 1, 1);
    ops::gemm(c.w, du, dy, p.up);
    ops::multiply(c.w, du, constant(du), constant(kept.slope));
    ops::gemm(c.w, g.down, t(du), x, 1, 1);
    ops::add_column_sums(c.w, g.bias, constant(du));
    if (!empty(dx)) ops::gemm(c.w, dx, du, p.down, 1, 1);
  }
  // h += up(gelu(down(h)))
  void forward(auto& c, const auto& p, auto h, auto& kept) const {
    kept.x = c.keep(rows(h), cols(h));
    ops::copy(c.w, kept.x, constant(h));
    forward(c, p, constant(kept.x), h, kept);
  }
  void backward(auto& c, const auto& p, auto dh, const auto& kept, auto& g) const {
    const auto scope = c.w.scope();
    auto dy = c.temp(rows(dh), cols(dh));
    ops::copy(c.w, dy, constant(dh));
    backward(c, p, constant(kept.x), constant(dy), kept, g, dh);
  }
};

}  // namespace

TEST_CASE("toys: adapters on hidden sites") {
  whole::check_alone<Bottleneck<Route::post>>();
  whole::check_alone<Bottleneck<Route::branch>>();
  whole::check(Method<Delta<Bottleneck<Route::post>, At<Attention, Ffn>>>{});
  whole::check<ClassifyMean>(Method<Delta<Bottleneck<Route::branch>, At<Attention, Ffn, Pooler>>,
                                    Delta<Bottleneck<Route::post>, At<Layer, Layers<0, 1>>>>{},
                             {.deviation = 0.2});
}
