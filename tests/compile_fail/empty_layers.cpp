// expect: static assertion failed: peft::Layers: the range holds no layer
// SPDX-License-Identifier: Apache-2.0
#include <peft/delta/lora.hpp>
#include <peft/model/bert.hpp>
#include <peft/model/model.hpp>

using namespace peft;

#ifdef PEFT_EXPECT_ERROR
using Tuned = Method<Delta<LoRA<8>, At<Query, Layers<0, 2>, Layers<12, 8>>>>;
#else
using Tuned = Method<Delta<LoRA<8>, At<Query, Layers<0, 2>, Layers<8, 12>>>>;
#endif

void build() { Model<Bert<float>, Tuned> model(nullptr); }
