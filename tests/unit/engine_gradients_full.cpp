// SPDX-License-Identifier: Apache-2.0
#include <peft/delta/full.hpp>

#include "unit/engine_tiny.hpp"

using namespace peft;

TEST_CASE("full fine-tuning: gradients", "[gradcheck]") { tiny::check_gradients(Method<Delta<Full>>{}); }

TEST_CASE("full fine-tuning over long sequences, a score to predict: gradients", "[gradcheck]") {
  using M = Model<Bert<double, Space>, Method<Delta<Full>>>;
  M model(tiny::bert<double, Space>({8, 1, 1, 5}, 0.1), {}, {1});
  const auto result = testing::gradcheck_model(model, tiny::batch({50, 2, 70}, 1), {.workers = 2});
  INFO(result);
  CHECK(result.worst < 1e-6);
}
