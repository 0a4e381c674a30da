// SPDX-License-Identifier: Apache-2.0
#include <peft/delta/lora.hpp>
#include <peft/delta/prompt.hpp>

#include "unit/engine_tiny.hpp"

using namespace peft;

namespace {

using Tuned = Method<Delta<LoRA<2>, At<Query, FfnUp>>>;
using M = Model<Bert<float>, Tuned>;

GroupStep group(const Batch& b, bool training = true) {
  return {{b.offsets, b.ids, b.types, b.examples, 0, b.sequences()}, b.targets, 0.5, 3, training};
}

}  // namespace

TEST_CASE("the plan is what a step takes, to the byte", "[engine]") {
  M model(tiny::bert<float>({16, 2, 3, 20}, 0.1), {}, {3});
  for (const auto& lengths :
       {std::vector<int>{12, 12, 12}, std::vector<int>{40, 3, 3}, std::vector<int>{1}, std::vector<int>{70}}) {
    Lane<M> lane(model);
    const Batch batch = tiny::batch(lengths);
    const std::size_t planned = lane.plan({batch.tokens(), batch.sequences(), batch.longest()}, true);
    std::size_t named = 0;
    for (const auto& [name, bytes] : lane.planned_by_name()) named += bytes;
    CHECK(named >= planned);
    lane.worker.space.watch();
    lane.step(group(batch));
    CHECK(lane.worker.space.peak() == planned);
    // Looking alone takes less.
    std::vector<float> logits(3 * lengths.size());
    lane.worker.space.watch();
    lane.predict(group(batch, false), logits);
    CHECK(lane.worker.space.peak() < planned);
  }
}

TEST_CASE("virtual rows are planned once", "[engine]") {
  Method<Delta<Prompt>> method;
  std::get<0>(method.deltas).delta.length = 7;
  using Prompted = Model<Bert<float>, Method<Delta<Prompt>>>;
  Prompted model(tiny::bert<float>({16, 2, 3, 20}, 0.1), method, {3});
  const Batch batch = tiny::batch({12, 5, 9});
  Lane<Prompted> lane(model);
  const std::size_t planned = lane.plan({batch.tokens(), batch.sequences(), batch.longest()}, true);
  lane.worker.space.watch();
  lane.step(group(batch));
  CHECK(lane.worker.space.peak() == planned);
  // The engine gives a lane no more than that.
  Engine<Prompted> engine(model, 1, {1 << 20, 1});
  engine.accumulate(batch, 1, 3);
  CHECK(engine.planned_by_name() == lane.planned_by_name());
}

TEST_CASE("what steps will take is foreseen without taking it", "[engine]") {
  M model(tiny::bert<float>({16, 2, 3, 20}, 0.1), {}, {3});
  Engine<M> engine(model, 1, {1 << 20, 1});
  const std::size_t foreseen = engine.foresee(100, 20, true);
  CHECK(foreseen > engine.foresee(100, 20, false));
  const Batch batch = tiny::batch({12, 5, 9});
  const GroupShape group = engine.largest_group(batch);
  CHECK(group.tokens == 26);
  CHECK(group.sequences == 3);
  CHECK(group.longest == 12);
  // A step with more room than it needs writes to both ends of it, and to no more than was foreseen.
  const std::size_t written = engine.foresee(group, true);
  Lane<M> lane(model);
  CHECK(lane.foresee(group, true) == std::pair(lane.plan(group, true), written));
  CHECK(written >= lane.plan(group, true));
  CHECK(engine.plan(100, 20, true) == foreseen);
  CHECK(engine.foresee(100, 20, true) == foreseen);  // nor does it void what is there
  engine.accumulate(batch, 1, 3);
}

TEST_CASE("a step larger than its plan is refused", "[engine]") {
  M model(tiny::bert<float>(), {}, {3});
  Lane<M> lane(model);
  lane.plan({10, 2, 6}, true);
  const Batch batch = tiny::batch({30, 30});
  CHECK_THROWS_AS(lane.step(group(batch)), Error);
}

TEST_CASE("memory does not grow with the batch", "[engine]") {
  M model(tiny::bert<float>(), {}, {3});
  const auto bytes = [&](int sequences) { return Engine<M>(model, 1, {64, 2}).plan(sequences, 20, true); };
  CHECK(bytes(100) == bytes(1000));
  CHECK(bytes(100) == bytes(100000));
  CHECK(Engine<M>(model, 1, {64, 2}).plan(100, 40, true) > bytes(100));
}

TEST_CASE("the backbone's frozen part keeps nothing below the lowest delta", "[engine]") {
  const auto bytes = [](int layers, int first) {
    M upper(tiny::bert<float>({16, 2, layers, 20}),
            [&] {
              Tuned method;
              std::get<0>(method.deltas).layers = {first, layers};
              return method;
            }(),
            {3});
    return Engine<M>(upper, 1, {64, 2}).plan(100, 20, true);
  };
  CHECK(bytes(12, 11) == bytes(2, 1));
  CHECK(bytes(12, 0) > 3 * bytes(12, 11));
}
