// SPDX-License-Identifier: Apache-2.0
#include "whole.hpp"

#include <ostream>
#include <utility>
#include <vector>

namespace whole {

void take_step(untyped::AnyEngine& engine, const Batch& batch) {
  engine.restart({.lr = 1e-4});
  std::vector<std::vector<double>> before;
  for (const Field& f : engine.layout().fields()) {
    auto values = engine.read(f);
    if (f.role == Role::trained)
      for (std::size_t i = 0; i < values.size(); ++i) values[i] += 0.3 * rng::normal(rng::combine(3, f.name), i);
    engine.write(f, values);
    before.push_back(std::move(values));
  }
  const auto loss = [&] {
    engine.prepare(1, true);
    engine.zero_gradients();
    return engine.accumulate(batch, 1. / batch.sequences(), 1) + engine.penalty();
  };
  const double first = loss();
  engine.finish_gradients();
  engine.update();
  engine.after_step({1e-4, 1, 10});
  CHECK(loss() < first);
  std::size_t i = 0;
  for (const Field& f : engine.layout().fields()) {
    INFO(f.name);
    if (f.role == Role::trained) CHECK(engine.read(f) != before[i]);
    ++i;
  }
}

}  // namespace whole
