// SPDX-License-Identifier: Apache-2.0
#include <peft/delta/dora.hpp>
#include <peft/delta/vera.hpp>

#include "golden.hpp"

using namespace peft;

namespace {

template <class D, class Places, class Change>
void lora_family_follows(const char* file, Change&& change) {
  Delta<D, Places> part;
  change(part.delta);
  golden::check<Bert>(golden::folder("tiny-bert"), golden::folder("tiny-bert") / file, Classify{3},
                      Method<Delta<D, Places>>(part));
}

}  // namespace

TEST_CASE("rsLoRA and LoRA+ follow PEFT on a tiny BERT", "[golden]") {
  lora_family_follows<LoRA<4>, At<Query, Value>>("lora_rs.safetensors", [](auto& d) {
    d.alpha = 3;
    d.scaling = LoraScale::root;
  });
  lora_family_follows<LoRA<4>, At<Query, Value>>("lora_plus.safetensors", [](auto& d) {
    d.alpha = 8;
    d.b_rate = 8;
  });
}

TEST_CASE("DoRA follows PEFT on a tiny BERT, and PyTorch where the norm is differentiated", "[golden]") {
  lora_family_follows<DoRA<3>, At<Query, FfnDown>>("dora.safetensors", [](auto& d) { d.alpha = 6; });
  lora_family_follows<DoRA<3>, At<Query>>("dora_full.safetensors", [](auto& d) {
    d.alpha = 6;
    d.norm = DoraNorm::differentiated;
  });
}

TEST_CASE("VeRA follows PEFT on a tiny BERT, with projections drawn from PEFT's key", "[golden]") {
  lora_family_follows<VeRA, At<Query, AttnOut, FfnUp, FfnDown>>("vera.safetensors", [](auto& d) {
    d.rank = 6;
    d.seed = 17;
  });
}
