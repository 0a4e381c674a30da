// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cmath>
#include <cstdint>

#include <peft/core/interrupt.hpp>
#include <peft/side/fisher.hpp>
#include <peft/train/engine.hpp>

namespace peft {

/// The diagonal Fisher information of everything that `model` trains, by its true targets and without dropout:
///   F = 1/n sum_i (d loss_i / d w)^2,   the examples i one by one: batch(0), .., batch(n - 1).
/// To prune a backbone by it (`Ladder<8, Fisher>`) train the linear sites in place: Method<Delta<Full, At<Linear>>>.
/// LST's released code takes 1,024 training examples. With an untrained head the gradients, and
/// hence the information, say nothing of the task.
template <class M, class Examples>
FisherInformation fisher_information(M& model, std::int64_t n, const Examples& batch) {
  require(n > 0, "fisher_information: ", n, " examples; at least one is wanted");
  Engine<M> engine(model, 1);
  engine.prepare();
  FisherInformation information;
  for (std::int64_t i = 0; i < n; ++i) {
    Interrupt::check();
    const Batch example = batch(i);
    require(engine.examples(example) == 1, "fisher_information: batch ", i, " has ", engine.examples(example),
            " examples; one by one, please");
    engine.zero_gradients();
    engine.accumulate(example, 1. / static_cast<double>(engine.counted(example)), 0, false);
    engine.finish_gradients();
    for (const Field& f : model.layout().fields()) {
      if (f.role != Role::trained) continue;
      const auto gradient =
          downloaded<typename M::E>(engine.total().data() + f.offset, static_cast<std::size_t>(f.size()));
      auto& sum = information[f.name];
      sum.resize(gradient.size());
      for (std::size_t k = 0; k < sum.size(); ++k)
        sum[k] += static_cast<float>(gradient[k] * gradient[k] / static_cast<double>(n));
    }
  }
  return information;
}

}  // namespace peft
