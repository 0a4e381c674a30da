// SPDX-License-Identifier: Apache-2.0
#include <peft/delta/compacter.hpp>
#include <peft/delta/full.hpp>
#include <peft/delta/low_rank_adapter.hpp>

#include "whole.hpp"

using namespace peft;

namespace {

Compacter<> compacter(int n, int width, bool shared = true) {
  Compacter<> delta;
  delta.n = n;
  delta.reduction = 0;
  delta.width = width;
  delta.shared_rule = shared;
  return delta;
}
LowRankAdapter<> low_rank(int rank, int width) {
  LowRankAdapter<> delta;
  delta.reduction = 0;
  delta.width = width;
  delta.rank = rank;
  return delta;
}
constexpr auto shapes = [] { return testing::CheckOptions{.shapes = {{7, 6, 6}, {1, 12, 12}}, .modules = 3}; };

}  // namespace

TEST_CASE("Compacter: gradients, alone", "[gradcheck]") {
  whole::check_alone(compacter(2, 4), shapes());
  whole::check_alone(compacter(3, 3, false), shapes());
  auto wide = compacter(3, 6);
  wide.rank = 2;
  whole::check_alone(wide, shapes());
}

TEST_CASE("low-rank adapters: gradients, alone", "[gradcheck]") {
  whole::check_alone(low_rank(1, 3));
  whole::check_alone(low_rank(2, 4));
}

TEST_CASE("Compacter with trained LayerNorms: gradients, a step", "[gradcheck]") {
  whole::check(Method<Delta<Compacter<>>, Delta<Full, At<AttnNorm, FfnNorm>>>{Delta<Compacter<>>{compacter(2, 4)}, {}});
}

TEST_CASE("low-rank adapters: gradients, a step", "[gradcheck]") {
  whole::check(Method<Delta<LowRankAdapter<>>>{Delta<LowRankAdapter<>>{low_rank(1, 3)}});
}

TEST_CASE("Compacter's matrices are sums of Kronecker products") {
  using M = Model<Bert<double>, Method<Delta<Compacter<>>>>;
  M model(tiny::bert(), M::Method{Delta<Compacter<>>{compacter(3, 6)}}, {3});
  Engine<M> engine(model, 1);
  for (const Field& f : model.layout().fields())
    if (f.role == Role::trained) {
      auto values = model.read(f);
      for (std::size_t i = 0; i < values.size(); ++i) values[i] = rng::normal(rng::combine(7, f.name), i);
      model.write(f, values);
    }
  engine.prepare();
  const auto& all = std::get<0>(model.values().all);
  const auto& p = all.modules[1];
  const Extent in = 12 / 3, out = 6 / 3;
  double worst = 0;
  for (Extent row = 0; row < 12; ++row)
    for (Extent col = 0; col < 6; ++col) {
      double h = 0;
      for (Extent i = 0; i < 3; ++i)
        h +=
            all.shared.A(i, row / in * 3 + col / out) * p.down_phm.s(i * in + row % in, 0) * p.down_phm.t(i, col % out);
      worst = std::max(worst, std::abs(h - p.down(col, row)));
    }
  CHECK(worst < 1e-12);
}

TEST_CASE("Compacter and low-rank adapters: trainable parameters in closed form") {
  constexpr int d = 16, layers = 3, head = 3 * (d + 1);
  const auto backbone = tiny::bert(tiny::sizes[1]);
  const auto trained = [&](auto delta) {
    using Method = peft::Method<Delta<decltype(delta)>>;
    Model<Bert<double>, Method> model(backbone, Method{Delta<decltype(delta)>{delta}}, {3});
    return model.trainable() - head;
  };
  const auto products = [](int rank, int w) { return 2 * rank * (d + w) + w + d; };
  CHECK(trained(compacter(4, 8)) == 64 + layers * 2 * products(1, 8));
  CHECK(trained(compacter(2, 8, false)) == layers * 2 * (products(1, 8) + 2 * 8));
  CHECK(trained(low_rank(1, 5)) == layers * 2 * products(1, 5));
  CHECK_THROWS_WITH(trained(compacter(3, 6)), ContainsSubstring("n = 3 does not divide"));
  auto reduced = compacter(4, 0);
  reduced.reduction = 4;
  CHECK(trained(reduced) == 64 + layers * 2 * products(1, 4));
}
