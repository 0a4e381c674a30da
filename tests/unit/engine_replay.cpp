// SPDX-License-Identifier: Apache-2.0
#include <peft/model/t5.hpp>
#include <peft/side/gru.hpp>
#include <peft/side/ladder.hpp>
#include <peft/side/read.hpp>
#include <peft/side/read_pair_full.hpp>
#include <peft/task/language_model.hpp>
#include <peft/task/tag.hpp>

#include "unit/engine_tiny.hpp"
#include "unit/pairs_tiny.hpp"

using namespace peft;

namespace {

GroupStep group(const Batch& b) {
  return {{b.offsets, b.ids, b.types, b.examples, 0, b.sequences()},
          b.targets,
          0.5,
          3,
          true,
          {b.decoder_offsets, b.decoder_ids, {}, b.examples, 0, b.decoder_ids.empty() ? 0 : b.sequences()}};
}

/// One epoch over the groups, a step of plain descent after each: their losses.
template <class M>
std::vector<double> epoch(M& model, const std::vector<Batch>& batches, std::vector<States<double>>& states, bool record,
                          bool replay) {
  Lane<M> lane(model);
  std::vector<double> losses;
  for (std::size_t i = 0; i < batches.size(); ++i) {
    const Batch& b = batches[i];
    const int decoder = static_cast<int>(b.decoder_ids.size());
    lane.plan({b.tokens(), b.sequences(), b.longest(), decoder, decoder}, true);
    lane.record(record ? &states[i] : nullptr);
    lane.replay(replay ? &states[i] : nullptr);
    losses.push_back(lane.step(group(b)));
    for (std::size_t k = 0; k < lane.accumulator().size(); ++k)
      model.buffer().data()[k] -= 0.5 * lane.accumulator().data()[k];
  }
  return losses;
}

/// Three epochs on `backbone`; and one there that records, two on `other` that are shown what was recorded.
template <class M, class Backbone, class Task>
void check_replayed(const Backbone& backbone, const Backbone& other, Task task, const std::vector<Batch>& batches) {
  std::vector<States<double>> states(batches.size());
  M plain(backbone, {}, task), recorded(backbone, {}, task), replayed(other, {}, task);
  std::vector<double> expected, losses = epoch(recorded, batches, states, true, false);
  for (int e = 0; e < 3; ++e)
    for (const double loss : epoch(plain, batches, states, false, false)) expected.push_back(loss);
  std::copy_n(recorded.buffer().data(), recorded.buffer().size(), replayed.buffer().data());
  for (int e = 1; e < 3; ++e)
    for (const double loss : epoch(replayed, batches, states, false, true)) losses.push_back(loss);
  CHECK(losses == expected);
  CHECK(losses.back() != losses.front());
  for (std::size_t i = 0; i < plain.buffer().size(); ++i)
    REQUIRE(plain.buffer().data()[i] == replayed.buffer().data()[i]);
}

}  // namespace

// The weights of `other` are others: were one of its layers run, the losses would not be these.
TEST_CASE("a side net is trained from recorded states as beside the layers", "[engine][replay]") {
  const std::vector<Batch> rows{tiny::batch({5, 9, 2}, 3, 1), tiny::batch({7, 1}, 3, 2)};
  std::vector<Batch> tagged = rows;
  for (Batch& b : tagged) {
    b.targets.clear();
    for (std::size_t i = 0; i < b.ids.size(); ++i) b.targets.push_back(static_cast<double>(i % 3));
  }
  const auto backbone = tiny::bert({16, 2, 3, 20}), other = tiny::bert({16, 2, 3, 20}, 0, 6);
  check_replayed<Model<Bert<double>, Method<SideNet<Read<GRU, 4>>>, Tag>>(backbone, other, Tag{3}, tagged);
  check_replayed<Model<Bert<double>, Method<SideNet<Ladder<4>>>, Tag>>(backbone, other, Tag{3}, tagged);
  // With the scores of attention, and where the last layer computes what is read alone.
  check_replayed<Model<Bert<double>, Method<SideNet<Read<GRU, 4, Concatenated<OwnToken, SameSequence>>>>>>(
      backbone, backbone, Classify{3}, rows);
  check_replayed<Model<Bert<double>, Method<SideNet<Read<GRU, 4>>>>>(backbone, backbone, Classify{3}, rows);
}

TEST_CASE("a side net of two stacks is trained from recorded states", "[engine][replay]") {
  const auto backbone = pairs::t5(pairs::sizes[0]);
  check_replayed<Model<T5<double, Space>, Method<SideNet<ReadPairFull<GRU, 3>>>, LanguageModel>>(
      backbone, backbone, LanguageModel{}, {pairs::batch()});
}

TEST_CASE("states of another group are refused", "[engine][replay]") {
  using M = Model<Bert<double>, Method<SideNet<Read<GRU, 4>>>>;
  M model(tiny::bert({16, 2, 3, 20}), {}, {3});
  std::vector<States<double>> states(1);
  epoch(model, {tiny::batch({5, 9})}, states, true, false);
  CHECK_THROWS_WITH(epoch(model, {tiny::batch({5, 8})}, states, false, true), Catch::Contains("are of another group"));
}
