// SPDX-License-Identifier: Apache-2.0
#include <peft/delta/bias.hpp>

#include "unit/engine_tiny.hpp"

using namespace peft;

TEST_CASE("BitFit inside a model: gradients", "[gradcheck]") {
  tiny::check_gradients(Method<Delta<Bias>>{});
  Method<Delta<Bias>> upper;
  std::get<0>(upper.deltas).layers = {1, 2};
  tiny::check_gradients(upper);
}
