// expect: static assertion failed: peft::Delta: the delta does not fit one of these sites
// SPDX-License-Identifier: Apache-2.0
#include <peft/delta/lora.hpp>
#include <peft/model/bert.hpp>
#include <peft/model/model.hpp>

using namespace peft;

#ifdef PEFT_EXPECT_ERROR
using Tuned = Method<Delta<LoRA<8>, At<Query, Layer>>>;
#else
using Tuned = Method<Delta<LoRA<8>, At<Query, FfnUp>>>;
#endif

void build() { Model<Bert<float>, Tuned> model(nullptr); }
