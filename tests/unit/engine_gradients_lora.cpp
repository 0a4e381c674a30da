// SPDX-License-Identifier: Apache-2.0
#include <peft/delta/lora.hpp>

#include "unit/engine_tiny.hpp"

using namespace peft;

TEST_CASE("LoRA inside a model: gradients", "[gradcheck]") {
  Method<Delta<LoRA<2>, At<Query, Value>>> method;
  std::get<0>(method.deltas).delta.alpha = 4;
  std::get<0>(method.deltas).delta.dropout = 0.1;
  tiny::check_gradients(method);
}

TEST_CASE("LoRA of any rank on every matrix and the pooler: gradients", "[gradcheck]") {
  Method<Delta<LoRA<Dynamic>, At<Linear, Pooler>>> method;
  std::get<0>(method.deltas).delta.rank = 2;
  std::get<0>(method.deltas).delta.alpha = 4;
  tiny::check_gradients(method);
  // Mean pooling reads every row of the last layer; the pooler is not in use there.
  std::get<0>(method.deltas).mask = Linear;
  tiny::check_gradients<ClassifyMean>(method, 1);
}
