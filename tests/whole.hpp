// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <peft/optim/adamw.hpp>
#include <peft/testing/gradcheck.hpp>

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
template <class M>
void one_step(M& model, const Batch& batch) {
  Engine<M> engine(model, 2, {24, 2});
  std::vector<std::vector<double>> before;
  for (const Field& f : model.layout().fields()) {
    auto values = model.read(f);
    if (f.role == Role::trained)
      for (std::size_t i = 0; i < values.size(); ++i) values[i] += 0.3 * rng::normal(rng::combine(3, f.name), i);
    model.write(f, values);
    before.push_back(std::move(values));
  }
  const auto loss = [&] {
    engine.prepare(1, true);
    engine.zero_gradients();
    return engine.accumulate(batch, 1. / batch.sequences(), 1) + engine.penalty();
  };
  const double first = loss();
  engine.finish_gradients();
  AdamW::State<double, typename M::E> state(model.layout());
  state.update({.lr = 1e-4}, engine.worker(), model.layout(), model.buffer().data(), engine.total().data(), 1e-4, 1);
  engine.after_step({1e-4, 1, 10});
  CHECK(loss() < first);
  std::size_t i = 0;
  for (const Field& f : model.layout().fields()) {
    INFO(f.name);
    if (f.role == Role::trained) CHECK(model.read(f) != before[i]);
    ++i;
  }
}

/// Gradients and a step on three backbones: without dropout, and with.
template <class Task = Classify, class Method>
void check(const Method& method, const Setting& s = {}) {
  using M = Model<Bert<double>, Method, Task>;
  double dropout = 0;
  for (const tiny::Size& size : tiny::sizes) {
    M model(tiny::bert(size, dropout), Task{s.labels}, method);
    REQUIRE(model.layout().fields().size() > 2);
    const Batch data = tiny::batch(s.lengths, s.labels);
    const auto result = testing::gradcheck_model(model, data, {.deviation = s.deviation});
    INFO(result);
    CHECK(result.worst < 1e-6);
    CHECK(result.largest > 0.1);
    CHECK(result.checked == model.trainable());
    CHECK(testing::gradcheck_model(model, data, {.deviation = s.deviation, .every = 5, .flip = true}).worst > 0.1);
    one_step(model, data);
    dropout = 0.2;
  }
}

/// The delta alone, on three shapes.
template <class D>
void check_alone(const D& delta = {}, const testing::CheckOptions& options = {}) {
  const auto result = testing::gradcheck(delta, options);
  INFO(result);
  CHECK(result.worst < 1e-6);
  CHECK(result.largest > 0.1);
}

}  // namespace whole
