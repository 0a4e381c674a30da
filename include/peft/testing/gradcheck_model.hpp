// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <type_traits>

#include <peft/testing/gradcheck_fields.hpp>
#include <peft/train/engine.hpp>

namespace peft::testing {

/// The gradient of the loss of `batch` with respect to every trainable number of `model` (in double), penalties
/// included. The model's values are changed while it runs and are as before when it returns.
template <class M>
Gradcheck gradcheck_model(M& model, const Batch& batch, const ModelCheckOptions& options = {}) {
  static_assert(std::is_same_v<typename M::T, double>,
                "peft::testing::gradcheck_model: check in double: Model<Bert<double>, ...>");
  using E = typename M::E;
  Engine<M> engine(model, options.workers, options.grouping);
  HostNumbers<E> values(model.buffer().data(), model.buffer().size());
  const double weight = 1. / batch.sequences();
  const auto prepare = [&] {
    values.store();
    engine.prepare(options.seed, options.training);
  };
  const auto loss = [&] {
    prepare();
    return engine.loss(batch, weight, options.seed, options.training) + engine.penalty();
  };
  const auto gradient = [&] {
    engine.zero_gradients();
    prepare();
    engine.accumulate(batch, weight, options.seed, options.training);
    engine.finish_gradients();
    engine.worker().fence();
    return downloaded<E>(engine.total().data(), engine.total().size());
  };
  Gradcheck result = gradcheck_fields(model.layout(), values.numbers(), loss, gradient, options);
  values.store();
  engine.prepare();
  return result;
}

}  // namespace peft::testing
