// SPDX-License-Identifier: Apache-2.0
#include <peft/delta/ia3.hpp>

#include "golden.hpp"

using namespace peft;

TEST_CASE("(IA)^3 follows PEFT", "[golden]") {
  golden::check<Bert>(golden::folder("tiny-bert"), golden::folder("tiny-bert") / "ia3.safetensors", Classify{3}, IA3{});
}
