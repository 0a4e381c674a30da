// SPDX-License-Identifier: Apache-2.0
#include <peft/delta/adalora.hpp>

#include "unit/io_temporary.hpp"
#include "whole.hpp"

using namespace peft;

namespace {

using Ada = Method<Delta<AdaLoRA<>, At<Linear>>>;
using M = Model<Bert<double>, Ada>;

Ada method(int rank, int target, double tinit = 0, double tfinal = 0, int every = 1) {
  Ada m;
  auto& delta = std::get<0>(m.deltas).delta;
  delta.rank = rank;
  delta.target = target;
  delta.tinit = tinit;
  delta.tfinal = tfinal;
  delta.every = every;
  return m;
}

/// Triplets that are left after each of `total` steps.
std::vector<int> kept(const Ada& m, int total) {
  M model(tiny::bert(), m, {3});
  Engine<M> engine(model, 1);
  const Batch batch = tiny::batch({4, 5, 3});
  AdamW::State<double, Host> state(model.layout());
  std::vector<int> counts;
  for (int step = 1; step <= total; ++step) {
    engine.prepare(1, true);
    engine.zero_gradients();
    engine.accumulate(batch, 1. / 3, 1);
    engine.finish_gradients();
    state.update({}, engine.worker(), model.layout(), model.buffer().data(), engine.total().data(), 1e-2, 1);
    engine.after_step({1e-2, step, total});
    counts.push_back(0);
    for (const Field& f : model.layout().fields())
      if (f.name.ends_with(".lora_E"))
        for (const double e : model.read(f)) counts.back() += e != 0;
  }
  return counts;
}

}  // namespace

TEST_CASE("AdaLoRA: gradients, both penalties included, and a step") {
  AdaLoRA<> paper;
  paper.rank = 3;
  paper.dropout = 0.2;
  whole::check_alone(paper);
  AdaLoRA<MeanOrthogonality> released;
  released.rank = 4;
  whole::check_alone(released);
  whole::check(method(3, 2, 5));
}

TEST_CASE("AdaLoRA: what is trained, and how it begins") {
  M model(tiny::bert(), method(3, 2), {3});
  std::int64_t expected = 3 * 12 + 3;  // the head
  for (const Module& m : model.attached().placement(0).modules) expected += 3 * (m.in + m.out + 1);
  CHECK(model.attached().placement(0).modules.size() == 12);
  CHECK(model.trainable() == expected);
  CHECK(model.read(*model.find("bert.encoder.layer.0.output.dense.lora_E")) == std::vector<double>{0, 0, 0});
  CHECK(model.attached().delta<0>().orthogonality.gamma == 0.1);
  CHECK(std::get<0>(model.values().all).modules[0].scale == 16 / (3 + 1e-5));
}

TEST_CASE("AdaLoRA: the budget falls as a cubic over all matrices") {
  const int first = 12 * 4, last = 12 * 2;
  const auto cubic = [&](double left) { return static_cast<int>(last + (first - last) * left * left * left); };
  // Two steps before it falls, two after.
  std::vector<int> expected{first, first};
  for (int t = 3; t <= 7; ++t) expected.push_back(cubic(1 - (t - 2) / 6.));
  expected.insert(expected.end(), {last, last, last});
  CHECK(kept(method(4, 2, 2, 2), 10) == expected);
  CHECK(kept(method(4, 2, 0.2, 0.2), 10) == expected);
  // Pruned every third step only, what comes back in between is pruned again; the last step always prunes.
  CHECK(kept(method(4, 2, 0, 0, 3), 8) ==
        std::vector<int>{first, first, cubic(5 / 8.), first, first, cubic(2 / 8.), first, last});
  // PEFT refuses a target equal to the first rank.
  CHECK(kept(method(2, 2), 4) == std::vector<int>(4, 24));
}

TEST_CASE("AdaLoRA refuses a budget that cannot be kept") {
  CHECK(error_of([] { kept(method(2, 3), 4); }).find("target rank of 3 and a first rank of 2") != std::string::npos);
  CHECK(error_of([] { kept(method(3, 2, 3, 2), 4); }).find("leave no step of 4") != std::string::npos);
  CHECK(error_of([] { kept(method(3, 2, 0, 0, 0), 4); }).find("every = 0") != std::string::npos);
}
