// SPDX-License-Identifier: Apache-2.0
#include <peft/delta/bias.hpp>
#include <peft/delta/dora.hpp>
#include <peft/model/export.hpp>
#include <peft/ops/rescale.hpp>
#include <peft/testing/gradcheck_op.hpp>

#include "whole.hpp"

using namespace peft;
using Tens = testing::Tensor<double>;

namespace {

/// Detached, the gradient is that of a function whose norms do not move: here they are given.
struct Given : DoRA<2> {
  void prepare(auto& c, auto& all) const {
    for (auto& p : all.modules) {
      ops::fill(c.w, p.norm, 1.7);
      ops::divide(c.w, p.ratio, constant(p.m), constant(p.norm));
    }
  }
};

/// The gradient as it is.
template <class Places>
Delta<DoRA<2>, Places> full(double dropout = 0) {
  Delta<DoRA<2>, Places> part;
  part.delta.norm = DoraNorm::differentiated;
  part.delta.alpha = 5;
  part.delta.dropout = dropout;
  return part;
}

}  // namespace

TEST_CASE("ops: rescaled outputs, norms of rows and their gradients", "[gradcheck]") {
  auto w = testing::roomy_worker();
  for (const auto [n, d] : {std::pair{1, 1}, std::pair{3, 7}, std::pair{9, 33}}) {
    Tens y = Tens::random(n, d, 1), b = Tens::random(1, d, 2), g = Tens::random(1, d, 3), r = Tens::random(n, d, 4);
    Tens z(n, d), dy(n, d), dg(1, d), out(n, d);
    for (const bool biased : {true, false}) {
      const auto loss = [&] {
        out.set(y);
        ops::rescale(w, out.view, z.view, g.read(), biased ? b.read() : Mat<const double>());
        return dot(out, r);
      };
      const auto backward = [&] {
        dg.set(0.);
        ops::scale_columns_backward(w, dy.view, r.read(), z.read(), g.read(), dg.view);
      };
      CHECK(testing::gradcheck_op(loss, backward, {{"y", y, dy}, {"g", g, dg}}).worst < 1e-6);
    }
    Tens x = Tens::random(n, d, 5), a = Tens::random(1, n, 6), norm(1, n), q(1, n), s = Tens::random(1, n, 7), da(1, n),
         dx(n, d);
    const auto loss = [&] {
      ops::row_norms(w, norm.view, x.read());
      ops::divide(w, q.view, a.read(), norm.read());
      return dot(q, s);
    };
    const auto backward = [&] {
      da.set(0.);
      dx.set(x);
      ops::magnitude_backward(w, da.view, dx.view, s.read(), q.read(), norm.read());
    };
    CHECK(testing::gradcheck_op(loss, backward, {{"x", x, dx}, {"a", a, da}}).worst < 1e-6);
    Tens sum = Tens::random(n, d, 8), before = sum;
    before = Tens(n, d);
    before.set(sum);
    ops::add_scaled_columns(w, sum.view, x.read(), g.read());
    for (Extent i = 0; i < n; ++i)
      for (Extent j = 0; j < d; ++j) CHECK(sum.view(i, j) == Approx(before.view(i, j) + x.view(i, j) * g.view(0, j)));
  }
}

TEST_CASE("DoRA: gradients and a step", "[gradcheck]") {
  whole::check_alone(full<At<>>(0.2).delta);
  using Places = At<Query, FfnUp, FfnDown, Pooler>;
  whole::check(Method<Delta<DoRA<2>, Places>>(full<Places>()));
}

TEST_CASE("DoRA whose norm is detached: gradients where the norm is given", "[gradcheck]") {
  whole::check_alone<Given>();
  Delta<Given, At<Query, AttnOut>> given;
  given.delta.dropout = 0.2;
  whole::check(Method<Delta<Given, At<Query, AttnOut>>>(given));
}

TEST_CASE("DoRA between other deltas of its site: what comes before is scaled too", "[gradcheck]") {
  using First = Delta<LoRA<2>, At<Query, Value>>;
  using Last = Delta<LoRA<1>, At<Query>>;
  whole::check(
      Method<First, Delta<DoRA<2>, At<Query>>, Last, Delta<Bias, At<Query>>>(First{}, full<At<Query>>(), Last{}, {}));
}

TEST_CASE("DoRA: what it trains, how it begins, how it is merged") {
  using M = Model<Bert<double>, Method<Delta<DoRA<3>, At<Query, FfnDown>>>>;
  const auto bert = tiny::bert();
  Method<Delta<DoRA<3>, At<Query, FfnDown>>> method;
  M model(bert, method, Classify{3});
  const auto& modules = model.attached().placement(0).modules;
  std::int64_t closed = 3 * bert->width() + 3;
  for (const Module& m : modules) closed += 3 * (m.in + m.out) + m.out;
  CHECK(model.trainable() == closed);
  // The magnitude begins as the norms of the frozen rows, so that the model begins as the backbone.
  Model<Bert<double>, Method<>> plain(bert, {}, Classify{3});
  Engine<M> engine(model, 1);
  Engine<Model<Bert<double>, Method<>>> other(plain, 1);
  const Batch batch = tiny::batch({1, 7, 3, 12}, 3);
  engine.prepare();
  auto a = engine.predict(batch), b = other.predict(batch);
  for (std::size_t i = 0; i < a.size(); ++i) CHECK(a[i] == Approx(b[i]).epsilon(1e-9));
  // Merged into a weight it is the same map, with rows as long as the magnitude says.
  for (const Field& f : model.layout().fields())
    if (f.role == Role::trained) {
      auto values = model.read(f);
      for (std::size_t i = 0; i < values.size(); ++i) values[i] += 0.3 * rng::normal(rng::combine(5, f.name), i);
      model.write(f, values);
    }
  const auto merged = merged_weights(model);
  const auto& W = merged.at(modules[0].path + ".weight");
  const auto m = model.read(*model.find(modules[0].path + ".lora_magnitude_vector"));
  for (Extent o = 0; o < modules[0].out; ++o) {
    double squares = 0;
    for (Extent k = 0; k < modules[0].in; ++k) squares += std::pow(W[std::size_t(o) * modules[0].in + k], 2);
    CHECK(std::sqrt(squares) == Approx(std::abs(m[std::size_t(o)])).epsilon(1e-5));
  }
}
