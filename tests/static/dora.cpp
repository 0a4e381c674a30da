// SPDX-License-Identifier: Apache-2.0
// A branch that reads the frozen weight of its site: DoRA, W = m (W0 + B A) / |W0 + B A| by rows. The norms are derived
// once per step.
#include "whole.hpp"

using namespace peft;

namespace {

template <int r>
struct Dora {
  static constexpr Route route = Route::branch;
  static constexpr Kind fits = Kind::linear;
  static constexpr Keep keeps = Keep::input;
  template <class V>
  struct Params {
    V A, B, m, norm;  // (r, in) (out, r) (1, out); (1, out) derived
  };
  template <class V>
  struct Kept {
    V h, z;  // (n, r) (n, out)
  };
  void declare(auto& fields, auto& p, const Module& m) const {
    fields.trained("A", p.A, r, m.in, uniform(0.3));
    fields.trained("B", p.B, m.out, r);
    fields.vector("m", p.m, m.out, constant_of(1));
    fields.derived("norm", p.norm, 1, m.out);
  }
  void prepare(auto& c, auto& all) const {
    each_row(c, all, [&](std::size_t i, Extent o, const auto& row) {
      double squares = 0;
      for (Extent k = 0; k < cols(row); ++k) squares += row(o, k) * row(o, k);
      all.modules[i].norm(0, o) = std::sqrt(squares);
    });
  }
  void finish(auto& c, auto& all, auto& grads) const {
    each_row(c, all, [&](std::size_t i, Extent o, const auto& row) {
      const auto &p = all.modules[i], &g = grads.modules[i];
      const double slope = g.norm(0, o) / p.norm(0, o);
      for (Extent k = 0; k < cols(row); ++k)
        for (Extent l = 0; l < r; ++l) {
          g.B(o, l) += slope * row(o, k) * p.A(l, k);
          g.A(l, k) += slope * row(o, k) * p.B(o, l);
        }
    });
  }
  // y += (m / |.|) z - x W0',  z = x (W0 + B A)'
  void forward(auto& c, const auto& p, auto x, auto y, auto& kept) const {
    kept.h = c.keep(rows(x), r);
    kept.z = c.keep(rows(x), cols(y));
    ops::linear(c, kept.z, x, c.frozen->w);
    ops::axpby(c, -1., kept.z, 1., y);
    ops::gemm(c.w, kept.h, x, t(p.A));
    ops::gemm(c.w, kept.z, kept.h, t(p.B), 1, 1);
    if (c.w.planning()) return;
    for (Extent i = 0; i < rows(y); ++i)
      for (Extent o = 0; o < cols(y); ++o) y(i, o) += p.m(0, o) / p.norm(0, o) * kept.z(i, o);
  }
  void backward(auto& c, const auto& p, auto x, auto dy, const auto& kept, auto& g, auto dx) const {
    const auto scope = c.w.scope();
    auto dz = c.temp(rows(dy), cols(dy));
    auto dh = c.temp(rows(dy), r);
    if (!c.w.planning())
      for (Extent i = 0; i < rows(dy); ++i)
        for (Extent o = 0; o < cols(dy); ++o) {
          dz(i, o) = p.m(0, o) / p.norm(0, o) * dy(i, o);
          const double dq = dy(i, o) * kept.z(i, o) / p.norm(0, o);
          g.m(0, o) += dq;
          g.norm(0, o) -= dq * p.m(0, o) / p.norm(0, o);
        }
    ops::gemm(c.w, dh, dz, p.B);
    ops::gemm(c.w, g.B, t(dz), kept.h, 1, 1);
    ops::gemm(c.w, g.A, t(dh), x, 1, 1);
    if (empty(dx)) return;
    ops::linear_backward(c, dx, dz, c.frozen->w, 1);
    ops::gemm(c.w, dx, dh, p.A, 1, 1);
    ops::linear_backward(c, dx, dy, c.frozen->w, 1, -1);
  }

 private:
  template <class F>
  void each_row(auto& c, auto& all, F&& f) const {
    for (std::size_t i = 0; i < all.modules.size(); ++i) {
      const auto& p = all.modules[i];
      const auto scope = c.w.scope();
      auto w = c.temp(rows(p.B), cols(p.A));
      ops::copy(c.w, w, c.frozen[i].w);
      ops::gemm(c.w, w, p.B, p.A, 1, 1);
      for (Extent o = 0; o < rows(w); ++o) f(i, o, w);
    }
  }
};

}  // namespace

TEST_CASE("toys: a branch that reads the site's frozen weight") {
  whole::check_alone<Dora<2>>();
  whole::check(Method<Delta<Dora<2>, At<Query, FfnDown>>>{});
}
