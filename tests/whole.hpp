// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <peft/testing/gradcheck.hpp>

#include "any_engine.hpp"
#include "unit/engine_tiny.hpp"

/// What every method must pass: its gradients inside whole models, and one step of training.
namespace whole {

using namespace peft;

struct Setting {
  Extent labels = 3;
  std::vector<int> lengths{1, 7, 3, 12};
  double deviation = 0.3;
};

/// One step of AdamW, as `fit` takes it: the loss falls, and every trained tensor has moved.
void take_step(untyped::AnyEngine& engine, const Batch& batch);

template <class M>
void one_step(M& model, const Batch& batch) {
  Engine<M> engine(model, 2, {24, 2});
  untyped::EngineOn<M> training(engine);
  take_step(training, batch);
}

/// Gradients and a step on three backbones: without dropout, and with.
template <class Task = Classify, class Method>
void check(const Method& method, const Setting& s = {}) {
  using M = Model<Bert<double, Space>, Method, Task>;
  double dropout = 0;
  for (const tiny::Size& size : tiny::sizes) {
    M model(tiny::bert<double, Space>(size, dropout), method, Task{s.labels});
    REQUIRE(model.layout().fields().size() > 2);
    const Batch data = tiny::batch(s.lengths, s.labels);
    gradients::expect_right(model, data, {.deviation = s.deviation}, true);
    one_step(model, data);
    dropout = 0.2;
  }
}

/// The delta alone, on three shapes.
template <class D>
void check_alone(const D& delta = {}, testing::CheckOptions options = {}) {
  options.every = every_of_space;
  gradients::expect_right(testing::gradcheck<D, Space>(delta, options));
}

}  // namespace whole
