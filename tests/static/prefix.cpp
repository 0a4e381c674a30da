// SPDX-License-Identifier: Apache-2.0
// Attention prefix: keys and values made once per step from a small shared matrix, as prefix tuning's encoder does.
#include "whole.hpp"

#include <peft/ops/activation.hpp>

using namespace peft;

namespace {

struct Prefix {
  static constexpr Route route = Route::prefix;
  static constexpr Kind fits = Kind::prefix;
  using Places = At<SelfAttention>;
  int length = 3, inner = 4;

  template <class V>
  struct Shared {
    V e;  // (length, inner)
  };
  template <class V>
  struct Params {
    V wk, wv, k, v;  // (inner, d) twice, trained; (length, d) twice, derived: tanh(e) w
  };
  template <class V>
  struct Kept {};

  void declare_shared(auto& fields, auto& s, const auto&) const { fields.trained("e", s.e, length, inner, normal(1)); }
  void declare(auto& fields, auto& p, const Module& m) const {
    fields.trained("wk", p.wk, inner, m.out, normal(0.3));
    fields.trained("wv", p.wv, inner, m.out, normal(0.3));
    fields.derived("k", p.k, length, m.out);
    fields.derived("v", p.v, length, m.out);
  }
  template <class P>
  auto keys_values(P& p) const {
    return KeysValues<decltype(p.k)>{p.k, p.v};
  }
  void prepare(auto& c, auto& all) const {
    auto h = hidden(c, all, {});
    for (auto& p : all.modules) {
      ops::gemm(c.w, p.k, h, p.wk);
      ops::gemm(c.w, p.v, h, p.wv);
    }
  }
  void finish(auto& c, auto& all, auto& grads) const {
    auto slope = c.temp(length, inner), dh = c.temp(length, inner);
    auto h = hidden(c, all, slope);
    ops::fill(c.w, dh, 0.);
    for (std::size_t i = 0; i < all.modules.size(); ++i) {
      auto &p = all.modules[i], &g = grads.modules[i];
      ops::gemm(c.w, g.wk, t(h), g.k, 1, 1);
      ops::gemm(c.w, g.wv, t(h), g.v, 1, 1);
      ops::gemm(c.w, dh, g.k, t(p.wk), 1, 1);
      ops::gemm(c.w, dh, g.v, t(p.wv), 1, 1);
    }
    ops::multiply(c.w, dh, constant(dh), constant(slope));
    ops::add(c.w, grads.shared.e, constant(dh));
  }

 private:
  template <class C, class A>
  auto hidden(C& c, A& all, decltype(all.shared.e) slope) const {
    auto h = c.temp(length, inner);
    ops::copy(c.w, h, constant(all.shared.e));
    ops::activate(c.w, h, slope, ops::Tanh{});
    return h;
  }
};
static_assert(DeltaFor<Prefix, Site::self_attention> && !DeltaFor<Prefix, Site::query>);

}  // namespace

TEST_CASE("toys: an attention prefix with an encoder shared by all layers") {
  whole::check_alone<Prefix>();
  whole::check(Method<Delta<Prefix>>{});
}

TEST_CASE("toys: a prefix in one layer only") {
  whole::check<ClassifyMean>(Method<Delta<Prefix, At<SelfAttention, Layers<1, 2>>>>{});
}
