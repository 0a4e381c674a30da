// SPDX-License-Identifier: Apache-2.0
#include <peft/delta/p_tuning.hpp>
#include <peft/delta/prefix.hpp>
#include <peft/delta/prompt.hpp>

#include "golden.hpp"

using namespace peft;

namespace {

template <class D>
void follows_peft(const char* name, D delta) {
  delta.length = 3;
  golden::check<Bert<float>>(golden::folder("tiny-bert"), golden::folder("tiny-bert") / (std::string(name) + ".safetensors"),
                             Classify{3}, Method<Delta<D>>(Delta<D>{delta}));
}

}  // namespace

TEST_CASE("prefix tuning follows PEFT, with its projection and without", "[golden]") {
  Prefix p;
  p.inner = 6;
  follows_peft("prefix", p);
  p.projection = false;
  follows_peft("prefix_direct", p);
}

TEST_CASE("prompt tuning follows PEFT", "[golden]") { follows_peft("prompt", Prompt{}); }

TEST_CASE("P-tuning follows PEFT, with either encoder", "[golden]") {
  PTuning p;
  p.inner = 6;
  follows_peft("p_tuning_lstm", p);
  p.encoder = PTuning::Encoder::mlp;
  follows_peft("p_tuning_mlp", p);
}
