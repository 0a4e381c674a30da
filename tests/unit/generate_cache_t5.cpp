// SPDX-License-Identifier: Apache-2.0
#include <peft/delta/lora.hpp>
#include <peft/delta/prefix.hpp>
#include <peft/delta/prompt.hpp>
#include <peft/side/gru.hpp>
#include <peft/side/ladder.hpp>
#include <peft/side/read_pair.hpp>
#include <peft/side/read_pair_full.hpp>

#include "generate_cache.hpp"

using namespace peft;

TEST_CASE("T5 over a cache computes what a whole pass computes", "[generate]") {
  using Everywhere = Delta<LoRA<4>, At<Query, Value, CrossKey, CrossValue>>;
  Delta<Prefix> prefix;
  prefix.delta.length = 3;
  prefix.delta.projection = false;
  CHECK(cache::difference(cache::t5(), Method<Everywhere, Delta<Prefix>>(Everywhere{}, prefix)) < 1e-10);
  Delta<Prompt> prompt;
  prompt.delta.length = 2;
  CHECK(cache::difference(cache::t5(), Method<Everywhere, Delta<Prompt>>(Everywhere{}, prompt)) < 1e-10);
}

TEST_CASE("READ in full over a cache", "[generate]") {
  STATIC_REQUIRE(decodes_by_row<Method<SideNet<ReadPair<GRU, 3>>>::Plain>());
  CHECK(cache::difference(cache::t5(), Method<SideNet<ReadPair<GRU, 3>>>{}) < 1e-10);
  using Equations = Method<SideNet<ReadPairFull<GRU, 3>>>;
  STATIC_REQUIRE(decodes_by_row<Equations::Plain>());
  CHECK(cache::difference(cache::t5(), Equations{}) < 1e-10);
}

TEST_CASE("a ladder beside T5 needs all rows, with READ or without", "[generate]") {
  using Both = Method<SideNet<Ladder<2>>, SideNet<ReadPair<GRU, 3>>>;
  STATIC_REQUIRE(!decodes_by_row<Both::Plain>());
  CHECK(cache::difference(cache::t5(), Both{}) < 1e-10);
}
