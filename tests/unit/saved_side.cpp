// SPDX-License-Identifier: Apache-2.0
// Networks beside an encoder.
#include <peft/side/any_cell.hpp>
#include <peft/side/ladder.hpp>
#include <peft/side/read.hpp>
#include <peft/side/read_layers.hpp>
#include <peft/side/side_tuning.hpp>

#include "saved.hpp"

using namespace peft;
using saved::In;

TEST_CASE("saved: READ, its cells, its joiners, without recurrence") {
  Method<SideNet<Read<AnyCell, 4>>> direct;
  auto& net = std::get<0>(direct.deltas).delta;
  for (const char* cell : {"rnn", "lstm", "gru"}) {
    net.cell = AnyCell::named(cell);
    saved::check(direct, In::own);
    net.relative = net.norm_after = true;
  }
  Method<SideNet<Read<AnyCell, 4, Concat>>> joined;
  for (const bool gated : {false, true}) {
    std::get<0>(joined.deltas).delta.joiner.gated = gated;
    saved::check(joined, In::own);
  }
  saved::check(Method<SideNet<ReadLayers<4>>>{}, In::own);
}

TEST_CASE("saved: a ladder, and a small encoder") {
  Method<SideNet<Ladder<2>>> ladder;
  auto& rungs = std::get<0>(ladder.deltas).delta;
  rungs.temperature = 0.3;
  saved::check(ladder, In::own);
  rungs.layers = {1};
  rungs.replaces = false;
  saved::check(ladder, In::own);
  Method<SideNet<SideTuning<2>>> side;
  saved::check(side, In::own);
  std::get<0>(side.deltas).delta.blends = false;
  saved::check(side, In::own);
}
