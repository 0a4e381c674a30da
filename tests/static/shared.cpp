// SPDX-License-Identifier: Apache-2.0
// Tensors that exist once per model: VeRA's frozen projections seen through views, Compacter's trained rule seen
// through products made once per step. And modules that a delta leaves out.
#include "whole.hpp"

using namespace peft;

namespace {

/// y += b * (B (d * (A x))), A and B frozen, random and shared, cut to the site's size.
struct Vera {
  static constexpr Route route = Route::branch;
  static constexpr Kind fits = Kind::linear;
  static constexpr Keep keeps = Keep::input;
  int rank = 5;
  template <class V>
  struct Shared {
    V A, B;  // (widest, r) each
  };
  template <class V>
  struct Params {
    V d, b;  // (1, r) (1, out)
    V A, B;  // (in, r) (out, r), views of the shared ones
  };
  template <class V>
  struct Kept {
    V h, u;  // (n, r) (n, out)
  };
  void declare_shared(auto& fields, auto& s, const auto& shape) const {
    const Extent widest = std::max(shape.width, shape.inner);
    fields.state("vera_A", s.A, widest, rank, normal(0.4));
    fields.state("vera_B", s.B, widest, rank, normal(0.4));
  }
  void declare(auto& fields, auto& p, const Module& m) const {
    fields.vector("lambda_d", p.d, rank, constant_of(0.1));
    fields.vector("lambda_b", p.b, m.out);
  }
  void prepare(auto&, auto& all) const {
    for (auto& p : all.modules) p.A = all.shared.A, p.B = all.shared.B;
  }
  void forward(auto& c, const auto& p, auto x, auto y, auto& kept) const {
    const auto scope = c.w.scope();
    auto scaled = c.temp(rows(x), rank), out = c.temp(rows(x), cols(y));
    kept.h = c.keep(rows(x), rank);
    kept.u = c.keep(rows(x), cols(y));
    ops::gemm(c.w, kept.h, x, slice(p.A, 0, cols(x)));
    ops::scale_columns(c.w, scaled, constant(kept.h), constant(p.d));
    ops::gemm(c.w, kept.u, scaled, t(slice(p.B, 0, cols(y))));
    ops::scale_columns(c.w, out, constant(kept.u), constant(p.b));
    ops::add(c.w, y, constant(out));
  }
  void backward(auto& c, const auto& p, auto x, auto dy, const auto& kept, auto& g, auto dx) const {
    const auto scope = c.w.scope();
    auto du = c.temp(rows(dy), cols(dy)), dh = c.temp(rows(dy), rank);
    ops::add_column_dots(c.w, g.b, dy, constant(kept.u));
    ops::scale_columns(c.w, du, dy, constant(p.b));
    ops::gemm(c.w, dh, du, slice(p.B, 0, cols(dy)));
    ops::add_column_dots(c.w, g.d, constant(dh), constant(kept.h));
    ops::scale_columns(c.w, dh, constant(dh), constant(p.d));
    if (!empty(dx)) ops::gemm(c.w, dx, dh, t(slice(p.A, 0, cols(x))), 1, 1);
  }
};

/// y += x H, H = sum_i R_i (x) S_i: the rules R_i (n, n) are shared, S_i (in / n, out / n) are not.
struct Compact {
  static constexpr Route route = Route::branch;
  static constexpr Kind fits = Kind::linear;
  static constexpr Keep keeps = Keep::input;
  static constexpr int n = 2;
  template <class V>
  struct Shared {
    V rule;  // (n n, n): row i n + p is row p of R_i
  };
  template <class V>
  struct Params {
    V s, h;  // (n in / n, out / n); (in, out) derived
  };
  template <class V>
  struct Kept {};
  bool attaches(const Module& m) const { return m.in % n == 0 && m.out % n == 0; }
  void declare_shared(auto& fields, auto& s, const auto&) const { fields.trained("rule", s.rule, n * n, n, normal(1)); }
  void declare(auto& fields, auto& p, const Module& m) const {
    fields.trained("s", p.s, m.in, m.out / n, normal(0.1));
    fields.derived("h", p.h, m.in, m.out);
  }
  void prepare(auto&, auto& all) const {
    for (auto& p : all.modules) Kokkos::deep_copy(p.h, 0);
    each(all, [&](std::size_t m, Extent rule, Extent q, Extent s, Extent b, Extent row, Extent col) {
      all.modules[m].h(row, col) += all.shared.rule(rule, q) * all.modules[m].s(s, b);
    });
  }
  void finish(auto&, auto& all, auto& grads) const {
    each(all, [&](std::size_t m, Extent rule, Extent q, Extent s, Extent b, Extent row, Extent col) {
      grads.shared.rule(rule, q) += grads.modules[m].h(row, col) * all.modules[m].s(s, b);
      grads.modules[m].s(s, b) += grads.modules[m].h(row, col) * all.shared.rule(rule, q);
    });
  }
  void forward(auto& c, const auto& p, auto x, auto y, auto&) const { ops::gemm(c.w, y, x, p.h, 1, 1); }
  void backward(auto& c, const auto& p, auto x, auto dy, const auto&, auto& g, auto dx) const {
    ops::gemm(c.w, g.h, t(x), dy, 1, 1);
    if (!empty(dx)) ops::gemm(c.w, dx, dy, t(p.h), 1, 1);
  }

 private:
  template <class F>
  void each(auto& all, F&& f) const {
    for (std::size_t m = 0; m < all.modules.size(); ++m) {
      const Extent in = rows(all.modules[m].h) / n, out = cols(all.modules[m].h) / n;
      for (Extent i = 0; i < n; ++i)
        for (Extent p = 0; p < n; ++p)
          for (Extent q = 0; q < n; ++q)
            for (Extent a = 0; a < in; ++a)
              for (Extent b = 0; b < out; ++b) f(m, i * n + p, q, i * in + a, b, p * in + a, q * out + b);
    }
  }
};

}  // namespace

TEST_CASE("toys: frozen tensors shared by all modules") {
  whole::check_alone<Vera>();
  whole::check(Method<Delta<Vera, At<Query, FfnUp, FfnDown>>>{});
  Model<Bert<double>, Method<Delta<Vera, At<Query>>>> model(tiny::bert(), {}, {3});
  CHECK(model.trainable() == 2 * (5 + 12) + 3 * 13);
}

TEST_CASE("toys: a trained rule shared by all modules; modules left out") {
  whole::check_alone<Compact>({}, {.shapes = {{5, 4, 6}, {1, 2, 2}, {12, 8, 10}}, .modules = 3});
  whole::check(Method<Delta<Compact, At<Linear>>>{});
  Model<Bert<double>, Method<Delta<Compact, At<Linear>>>> model(tiny::bert(tiny::sizes[1]), {}, {3});  // inner width 9
  CHECK(model.find("bert.encoder.layer.0.attention.self.query.s") != nullptr);
  CHECK(model.find("bert.encoder.layer.0.intermediate.dense.s") == nullptr);
}
