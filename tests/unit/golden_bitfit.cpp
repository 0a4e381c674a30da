// SPDX-License-Identifier: Apache-2.0
#include <peft/delta/bias.hpp>

#include "golden.hpp"

using namespace peft;

TEST_CASE("BitFit follows PyTorch", "[golden]") {
  golden::check<Bert>(golden::folder("tiny-bert"), golden::folder("tiny-bert") / "bitfit.safetensors", Classify{3},
                      Method<Delta<Bias>>{});
  golden::check<Bert>(golden::folder("tiny-bert-tanh"), golden::folder("tiny-bert-tanh") / "bitfit.safetensors",
                      Classify{1}, Method<Delta<Bias>>{});
}
