// expect: static assertion failed: peft::Model: the method comes before the task
// SPDX-License-Identifier: Apache-2.0
#include <peft/delta/lora.hpp>
#include <peft/model/bert.hpp>
#include <peft/model/model.hpp>

using namespace peft;
using Tuned = Method<Delta<LoRA<8>>>;

void build(const std::shared_ptr<const Bert<float>>& backbone) {
#ifdef PEFT_EXPECT_ERROR
  Model<Bert<float>, Tuned> model(backbone, Classify{.labels = 3}, Tuned{}, 7);
#else
  Model<Bert<float>, Tuned> model(backbone, Tuned{}, Classify{.labels = 3}, 7);
#endif
}
