// SPDX-License-Identifier: Apache-2.0
#include <peft/delta/full.hpp>
#include <peft/delta/lora.hpp>

#include <numeric>

#include "unit/engine_tiny.hpp"

using namespace peft;

namespace {

using Grouped = Method<Delta<LoRA<2>, At<Query, Value, FfnDown>>>;
using Whole = Method<Delta<Full>>;

std::vector<int> lengths() {
  std::vector<int> n;
  for (int i = 0; i < 23; ++i) n.push_back(1 + (7 * i) % 19);
  return n;
}

template <class M>
struct Step {
  double loss;
  std::vector<typename M::T> gradient, logits;
};
template <class M>
Step<M> step(int workers, const Batch& batch, Grouping grouping = {30, 2}, bool training = true) {
  M model(tiny::bert<typename M::T>({16, 2, 2, 20}, 0.1), {}, {3});
  for (const Field& f : model.layout().fields())
    if (f.name.find("lora_B") != std::string::npos) model.write(f, std::vector<typename M::T>(f.size(), 0.1));
  Engine<M> engine(model, workers, grouping);
  engine.prepare();
  engine.zero_gradients();
  Step<M> s{engine.accumulate(batch, 1. / batch.sequences(), 7, training), {}, {}};
  engine.finish_gradients();
  s.gradient.assign(engine.total().data(), engine.total().data() + engine.total().size());
  s.logits = engine.predict(batch);
  return s;
}

/// Those sequences of a batch, in this order.
Batch pick(const Batch& b, const std::vector<int>& which) {
  Batch out;
  for (const int s : which) {
    const auto from = b.offsets[s], n = b.offsets[s + 1] - from;
    out.add(std::span(b.ids).subspan(from, n), std::span(b.types).subspan(from, n), b.targets[s], b.examples[s]);
  }
  return out;
}

}  // namespace

TEMPLATE_TEST_CASE("the same bits for any number of workers", "[engine]", Grouped, Whole) {
  using M = Model<Bert<float>, TestType>;
  const Batch batch = tiny::batch(lengths());
  const auto one = step<M>(1, batch);
  for (const int workers : {1, 2, 3}) {
    for (int again = 0; again < 3; ++again) {
      const auto s = step<M>(workers, batch);
      CHECK(s.loss == one.loss);
      CHECK(s.gradient == one.gradient);
      CHECK(s.logits == one.logits);
    }
  }
}

TEST_CASE("groups change nothing but rounding; dropout follows the example, not its place", "[engine]") {
  using M = Model<Bert<double>, Grouped>;
  const Batch batch = tiny::batch(lengths());
  const auto many = step<M>(2, batch), one = step<M>(1, batch, {10000, 1});
  std::vector<int> order(static_cast<std::size_t>(batch.sequences()));
  std::iota(order.rbegin(), order.rend(), 0);
  const auto reversed = step<M>(2, pick(batch, order));
  const auto close = [](const auto& a, const auto& b) {
    double worst = 0;
    for (std::size_t i = 0; i < a.size(); ++i) worst = std::max(worst, std::abs(a[i] - b[i]));
    return worst < 1e-12;
  };
  CHECK(std::abs(many.loss - one.loss) < 1e-12);
  CHECK(std::abs(many.loss - reversed.loss) < 1e-12);
  CHECK(close(many.gradient, one.gradient));
  CHECK(close(many.gradient, reversed.gradient));
  CHECK(many.loss != step<M>(2, batch, {30, 2}, false).loss);
}

TEST_CASE("a sequence is predicted as if it were alone", "[engine]") {
  using M = Model<Bert<double>, Grouped>;
  const Batch batch = tiny::batch({5, 60, 1, 12});
  const auto all = step<M>(2, batch).logits;
  for (int s = 0; s < 4; ++s) {
    const auto alone = step<M>(1, pick(batch, {s})).logits;
    for (int c = 0; c < 3; ++c) CHECK(std::abs(alone[c] - all[3 * s + c]) < 1e-13);
  }
}
