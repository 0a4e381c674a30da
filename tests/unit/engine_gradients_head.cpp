// SPDX-License-Identifier: Apache-2.0
#include "unit/engine_tiny.hpp"

using namespace peft;

TEST_CASE("the head alone: gradients", "[gradcheck]") {
  tiny::check_gradients();
  tiny::check_gradients(Method<>{}, 1);
  tiny::check_gradients<ClassifyMean>();
}
