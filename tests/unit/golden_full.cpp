// SPDX-License-Identifier: Apache-2.0
#include <peft/delta/full.hpp>

#include "golden.hpp"

using namespace peft;

TEST_CASE("full fine-tuning follows PyTorch", "[golden]") {
  golden::check<Bert>(golden::folder("tiny-bert"), golden::folder("tiny-bert") / "full.safetensors", Classify{3},
                      Method<Delta<Full>>{});
  golden::check<Bert>(golden::folder("tiny-bert-tanh"), golden::folder("tiny-bert-tanh") / "full.safetensors",
                      Classify{1}, Method<Delta<Full>>{});
}
