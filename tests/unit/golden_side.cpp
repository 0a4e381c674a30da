// SPDX-License-Identifier: Apache-2.0
#include <peft/side/ladder.hpp>
#include <peft/side/side_tuning.hpp>

#include "golden.hpp"

using namespace peft;

namespace {

template <class Net>
void side_follows(const char* file, const Net& net) {
  Method<SideNet<Net>> method;
  std::get<0>(method.deltas).delta = net;
  golden::check<Bert>(golden::folder("tiny-bert"), golden::folder("tiny-bert") / file, Classify{3}, method);
}

}  // namespace

TEST_CASE("LST follows transformers' layers", "[golden]") {
  Ladder<2> ladder;
  ladder.temperature = 0.5;
  side_follows("lst.safetensors", ladder);
  ladder.layers = {1};
  ladder.replaces = false;
  side_follows("lst_added.safetensors", ladder);
}

TEST_CASE("side-tuning follows transformers' layers", "[golden]") {
  side_follows("side_tuning.safetensors", SideTuning<2>{});
}
