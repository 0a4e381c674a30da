// SPDX-License-Identifier: Apache-2.0
#include "saved.hpp"

namespace saved {

namespace {

constexpr int total = 4;  // steps of the run; the first half before the delta is saved
constexpr double lr = 1e-2;

double step(untyped::AnyEngine& engine, const Batch& batch, int number) {
  const auto seed = static_cast<std::uint64_t>(number);
  engine.zero_gradients();
  engine.prepare(seed, true);
  const double loss = engine.accumulate(batch, 1. / static_cast<double>(engine.counted(batch)), seed);
  engine.finish_gradients();
  engine.update();
  engine.after_step({lr, number, total, 1});
  return loss;
}

AdamW adamw() {
  AdamW a;
  a.lr = lr;
  return a;
}

}  // namespace

void train_first(const AnyModel& model, const Batch& batch) {
  untyped::AnyEngine& engine = model.engine;
  for (const Field& f : engine.layout().fields()) {
    std::vector<double> values = engine.read(f);
    for (std::size_t i = 0; i < values.size(); ++i) values[i] += 0.1 * rng::normal(rng::combine(1, f.name), i);
    if (f.role != Role::derived) engine.write(f, values);
  }
  engine.restart(adamw());
  for (int number = 1; number <= total / 2; ++number) step(engine, batch, number);
  engine.prepare(0, false);
}

void expect_same(const AnyModel& trained, const AnyModel& loaded, const Batch& batch, In in) {
  const double tolerance = in == In::peft ? 1e-6 : 0;
  loaded.engine.prepare(0, false);
  const std::vector<float> wanted = trained.logits(), got = loaded.logits();
  REQUIRE(wanted.size() == got.size());
  double largest = 0, worst = 0;
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    largest = std::max(largest, std::abs(double(wanted[i])));
    worst = std::max(worst, wanted[i] == got[i]     ? 0
                            : std::isfinite(got[i]) ? std::abs(double(wanted[i]) - double(got[i]))
                                                    : 1e30);
  }
  CHECK(worst <= tolerance * largest);

  trained.engine.restart(adamw());
  loaded.engine.restart(adamw());
  for (int number = total / 2 + 1; number <= total; ++number) {
    const double loss = step(trained.engine, batch, number);
    CHECK(std::abs(step(loaded.engine, batch, number) - loss) <= 10 * tolerance * loss);
  }
  if (in == In::peft) return;
  for (const Field& f : trained.engine.layout().fields()) {
    INFO(f.name);
    CHECK((f.role == Role::derived || trained.engine.read(f) == loaded.engine.read(f)));
  }
}

}  // namespace saved
