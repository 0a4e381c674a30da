// SPDX-License-Identifier: Apache-2.0
#include <peft/delta/prefix.hpp>

#include "whole.hpp"

using namespace peft;

namespace {

Prefix prefix(bool projection, double dropout = 0) {
  Prefix p;
  p.zero = false;
  p.length = 3;
  p.inner = 5;
  p.projection = projection;
  p.dropout = dropout;
  return p;
}

template <class D>
std::int64_t added(D delta) {
  Model<Bert<double>, Method<Delta<D>>> model(tiny::bert(), Method<Delta<D>>(Delta<D>{delta}), {2});
  return model.trainable() - 2 * 13;
}

}  // namespace

TEST_CASE("prefix tuning: gradients, with the projection and without") {
  for (const bool projection : {true, false}) {
    whole::check_alone(prefix(projection));
    whole::check(Method<Delta<Prefix>>(Delta<Prefix>{prefix(projection)}));
  }
}

TEST_CASE("prefix tuning: gradients under dropout, in some layers") {
  Delta<Prefix> part{prefix(true, 0.3)};
  part.layers = {1, 2};
  whole::check<ClassifyMean>(Method<Delta<Prefix>>(part));
}

TEST_CASE("prefix tuning: trained numbers and where they begin") {
  const std::int64_t n = 3, m = 5, L = 2, d = 12;
  CHECK(added(prefix(true)) == n * d + m * (d + 1) + 2 * L * d * (m + 1));
  CHECK(added(prefix(false)) == 2 * L * n * d);
  CHECK(added(PTuningV2{}) == 2 * L * 4 * d);
  for (const bool projection : {true, false}) {
    Prefix p = prefix(projection);
    p.zero = true;
    Model<Bert<double>, Method<Delta<Prefix>>> model(tiny::bert(), Method<Delta<Prefix>>(Delta<Prefix>{p}), {2});
    Engine<decltype(model)> engine(model, 1);
    engine.prepare();
    for (auto& module : std::get<0>(model.values().all).modules)
      for (std::size_t i = 0; i < module.k.size(); ++i) CHECK((module.k.data()[i] == 0 && module.v.data()[i] == 0));
  }
}

TEST_CASE("prefix tuning: the prefix and the text share the backbone's positions") {
  Prefix p = prefix(false);
  p.length = 70;  // of 80
  Model<Bert<double>, Method<Delta<Prefix>>> model(tiny::bert(), Method<Delta<Prefix>>(Delta<Prefix>{p}), {3});
  Engine<decltype(model)> engine(model, 1);
  engine.prepare();
  CHECK(engine.predict(tiny::batch({10})).size() == 3);
  const auto message = [](auto&& f) -> std::string {
    try {
      f();
    } catch (const Error& e) {
      return e.what();
    }
    return "";
  };
  CHECK(message([&] { engine.predict(tiny::batch({11})); }).find("11 tokens and 70 virtual ones") != std::string::npos);
  CHECK(message([&] { engine.plan(1, 11, true); }).find("80 positions") != std::string::npos);
}

TEST_CASE("prefix tuning: dropout is drawn for every sequence, and off outside training") {
  using M = Model<Bert<double>, Method<Delta<Prefix>>>;
  const auto loss = [](double dropout, bool training, std::uint64_t seed, int copies) {
    M model(tiny::bert(), Method<Delta<Prefix>>(Delta<Prefix>{prefix(false, dropout)}), {3});
    Engine<M> engine(model, 1);
    engine.prepare(seed, training);
    engine.zero_gradients();
    Batch batch = tiny::batch(std::vector<int>(static_cast<std::size_t>(copies), 6));
    for (int s = 1; s < copies; ++s)
      for (int i = 0; i < 6; ++i)
        batch.ids[static_cast<std::size_t>(6 * s + i)] = batch.ids[static_cast<std::size_t>(i)];
    batch.targets.assign(static_cast<std::size_t>(copies), 1);
    return engine.accumulate(batch, 1, seed, training);
  };
  CHECK(loss(0.4, false, 1, 1) == loss(0, false, 1, 1));
  CHECK(loss(0.4, true, 1, 1) != loss(0, true, 1, 1));
  CHECK(loss(0.4, true, 1, 1) != loss(0.4, true, 2, 1));
  CHECK(std::abs(loss(0, true, 1, 2) - 2 * loss(0, true, 1, 1)) < 1e-12);
  CHECK(std::abs(loss(0.4, true, 1, 2) - 2 * loss(0.4, true, 1, 1)) > 1e-3);
}
