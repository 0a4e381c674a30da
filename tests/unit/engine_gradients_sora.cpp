// SPDX-License-Identifier: Apache-2.0
#include <peft/delta/sora.hpp>

#include "unit/engine_tiny.hpp"

using namespace peft;

TEST_CASE("SoRA inside a model: gradients", "[gradcheck]") {
  SoRA<2> method;
  std::get<0>(method.deltas).delta.alpha = 4;
  std::get<0>(method.deltas).delta.dropout = 0.1;
  tiny::check_gradients(method);
  tiny::check_gradients<ClassifyMean>(method, 1);
}
