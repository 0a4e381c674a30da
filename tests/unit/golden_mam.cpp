// SPDX-License-Identifier: Apache-2.0
#include <peft/delta/mam.hpp>

#include "golden.hpp"

using namespace peft;

TEST_CASE("MAM follows PEFT's prefix and PyTorch", "[golden]") {
  MAM<4> method;
  std::get<0>(method.deltas).delta.length = 3;
  std::get<0>(method.deltas).delta.inner = 6;
  golden::check<Bert>(golden::folder("tiny-bert"), golden::folder("tiny-bert") / "mam.safetensors", Classify{3},
                      method);
}
