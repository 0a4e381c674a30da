// SPDX-License-Identifier: Apache-2.0
// Weight space: the site uses other tensors, made once per step from the frozen ones.
#include "whole.hpp"

using namespace peft;

namespace {

/// W = s W0 + b W0's mean row, elementwise work on the host: what is derived has a gradient, and `finish` turns it
/// back.
struct ScaledWeight {
  static constexpr Route route = Route::weight;
  static constexpr Kind fits = Kind::linear;
  static constexpr Keep keeps = Keep::input;
  template <class V>
  struct Params {
    V s, w;  // (1, 1) trained; (out, in) derived
  };
  template <class V>
  struct Kept {};
  void declare(auto& fields, auto& p, const Module& m) const {
    fields.vector("s", p.s, 1, constant_of(1));
    fields.derived("w", p.w, m.out, m.in);
  }
  auto weights(const auto& p, auto frozen) const -> decltype(frozen) { return {p.w, frozen.b}; }
  auto gradient(auto& g) const { return Weights<std::remove_reference_t<decltype(g.w)>>{g.w, {}}; }
  void prepare(auto& c, auto& all) const {
    for (std::size_t i = 0; i < all.modules.size(); ++i) {
      const auto& p = all.modules[i];
      for (Extent k = 0; k < static_cast<Extent>(p.w.size()); ++k) p.w.data()[k] = p.s(0, 0) * c.frozen[i].w.data()[k];
    }
  }
  void finish(auto& c, auto& all, auto& grads) const {
    for (std::size_t i = 0; i < all.modules.size(); ++i)
      for (Extent k = 0; k < static_cast<Extent>(all.modules[i].w.size()); ++k)
        grads.modules[i].s(0, 0) += grads.modules[i].w.data()[k] * c.frozen[i].w.data()[k];
  }
};

/// Diff pruning with a soft mask: W = W0 + z w, z = sigmoid(a + logit(u)), u drawn anew in every training step, and the
/// penalty lambda sum sigmoid(a).
struct Masked {
  static constexpr Route route = Route::weight;
  static constexpr Kind fits = Kind::linear;
  static constexpr Keep keeps = Keep::input;
  double lambda = 0.05;
  template <class V>
  struct Params {
    V d, a, w;  // (out, in) each; w is derived
  };
  template <class V>
  struct Kept {};
  void declare(auto& fields, auto& p, const Module& m) const {
    fields.trained("d", p.d, m.out, m.in);
    fields.trained("a", p.a, m.out, m.in, constant_of(2));
    fields.derived("w", p.w, m.out, m.in);
  }
  auto weights(const auto& p, auto frozen) const -> decltype(frozen) { return {p.w, frozen.b}; }
  auto gradient(auto& g) const { return Weights<std::remove_reference_t<decltype(g.w)>>{g.w, {}}; }

  void prepare(auto& c, auto& all) const {
    each(c, all, [&](std::size_t i, Extent k, double z) {
      auto& p = all.modules[i];
      p.w.data()[k] = c.frozen[i].w.data()[k] + z * p.d.data()[k];
    });
  }
  void finish(auto& c, auto& all, auto& grads) const {
    each(c, all, [&](std::size_t i, Extent k, double z) {
      const double dw = grads.modules[i].w.data()[k];
      grads.modules[i].d.data()[k] += z * dw;
      grads.modules[i].a.data()[k] += all.modules[i].d.data()[k] * z * (1 - z) * dw;
    });
  }
  double penalty(auto&, auto& all) const {
    double sum = 0;
    for (auto& p : all.modules)
      for (std::size_t k = 0; k < p.a.size(); ++k) sum += lambda / (1 + std::exp(-p.a.data()[k]));
    return sum;
  }
  void regularise(auto&, auto& all, auto& grads) const {
    for (std::size_t i = 0; i < all.modules.size(); ++i)
      for (std::size_t k = 0; k < all.modules[i].a.size(); ++k) {
        const double z = 1 / (1 + std::exp(-all.modules[i].a.data()[k]));
        grads.modules[i].a.data()[k] += lambda * z * (1 - z);
      }
  }

 private:
  template <class F>
  void each(auto& c, auto& all, F&& f) const {
    for (std::size_t i = 0; i < all.modules.size(); ++i)
      for (Extent k = 0; k < static_cast<Extent>(all.modules[i].a.size()); ++k) {
        const double u = c.training ? rng::uniform(rng::combine(c.seed, i), static_cast<std::uint64_t>(k)) : 0.5;
        f(i, k, 1 / (1 + std::exp(-all.modules[i].a.data()[k]) * (1 - u) / u));
      }
  }
};

/// The bias alone, beside another delta that changes the weight of the same site.
struct OwnBias {
  static constexpr Route route = Route::weight;
  static constexpr Kind fits = Kind::linear;
  template <class V>
  struct Params {
    V b;
  };
  template <class V>
  struct Kept {};
  void declare(auto& fields, auto& p, const Module& m) const { fields.vector("bias", p.b, m.out, from_checkpoint()); }
  auto weights(const auto& p, auto frozen) const -> decltype(frozen) { return {frozen.w, p.b}; }
  auto gradient(auto& g) const { return Weights<std::remove_reference_t<decltype(g.b)>>{{}, g.b}; }
};

}  // namespace

TEST_CASE("toys: weights derived from frozen ones, two deltas on one site") {
  whole::check_alone<ScaledWeight>();
  whole::check(Method<Delta<OwnBias, At<Query, FfnUp>>, Delta<ScaledWeight, At<Linear, Pooler>>>{});
}

TEST_CASE("toys: a mask sampled in every step, with a penalty") {
  whole::check_alone<Masked>();
  whole::check(Method<Delta<Masked, At<Value, Layers<0, 1>>>>{});

  using M = Model<Bert<double>, Method<Delta<Masked, At<Value>>>>;
  M model(tiny::bert(), {}, {3});
  for (const Field& f : model.layout().fields())
    if (f.role == Role::trained && f.name.find("classifier") == std::string::npos)
      model.write(f, std::vector<double>(f.size(), 0.3));
  Engine<M> engine(model, 1);
  const Batch batch = tiny::batch({5, 4});
  const auto loss = [&](std::uint64_t seed, bool training) {
    engine.prepare(seed, training);
    return engine.accumulate(batch, 0.5, seed, training);
  };
  CHECK(loss(1, true) == loss(1, true));
  CHECK(loss(1, true) != loss(2, true));
  CHECK(loss(1, false) == loss(2, false));
}
