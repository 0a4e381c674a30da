// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <string>
#include <vector>

#include <peft/testing/gradient.hpp>
#include <peft/train/engine.hpp>

namespace peft::testing {

struct ModelCheckOptions {
  bool training = true;     // the backbone's and the deltas' dropout is active; its masks depend on `seed` alone
  std::uint64_t seed = 1;
  int workers = 1;
  Grouping grouping{24, 2};
  double deviation = 0.3;   // added to every trained number first, so that no gradient vanishes; 0 leaves them as they are
  double step = 1e-5;
  int every = 1;            // of each tensor the first of so many numbers is changed; 1: all are
  bool flip = false;        // negate the gradient of backward: a check that cannot fail is none
};

/// The gradient of the loss of `batch` with respect to every trainable number of `model` (in double), penalties included. The
/// model's values are changed while it runs and are as before when it returns.
template <class M>
Gradcheck gradcheck_model(M& model, const Batch& batch, const ModelCheckOptions& options = {}) {
  static_assert(std::is_same_v<typename M::T, double>, "peft::testing::gradcheck_model: check in double: Model<Bert<double>, ...>");
  using E = typename M::E;
  Engine<M> engine(model, options.workers, options.grouping);
  std::vector<const Field*> trained;
  for (const Field& f : model.layout().fields())
    if (f.role == Role::trained) trained.push_back(&f);
  std::vector<std::vector<double>> before;
  for (const Field* f : trained) {
    before.push_back(model.read(*f));
    auto values = before.back();
    for (std::size_t i = 0; i < values.size(); ++i)
      values[i] += options.deviation * rng::normal(rng::combine(options.seed, f->name), i);
    model.write(*f, values);
  }
  const double weight = 1. / batch.sequences();
  const auto loss = [&] {
    engine.prepare(options.seed, options.training);
    return engine.loss(batch, weight, options.seed, options.training) + engine.penalty();
  };
  engine.zero_gradients();
  engine.prepare(options.seed, options.training);
  engine.accumulate(batch, weight, options.seed, options.training);
  engine.finish_gradients();
  std::vector<double> all(engine.total().size());
  Kokkos::deep_copy(Kokkos::View<double*, Kokkos::HostSpace, Kokkos::MemoryTraits<Kokkos::Unmanaged>>(all.data(), all.size()), engine.total());
  Gradcheck result;
  for (const Field* f : trained) {
    std::vector<double> gradient(all.begin() + f->offset, all.begin() + f->offset + f->size());
    if (options.flip)
      for (double& g : gradient) g = -g;
    compare<E>(result, f->name, model.buffer().data() + f->offset, gradient, options.step, loss, static_cast<std::size_t>(options.every));
  }
  for (std::size_t i = 0; i < trained.size(); ++i) model.write(*trained[i], before[i]);
  engine.prepare();
  return std::move(result).closed();
}

}  // namespace peft::testing
