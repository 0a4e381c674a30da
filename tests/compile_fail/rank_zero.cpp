// expect: static assertion failed: peft::LoRA<r>: the rank r must be positive
// SPDX-License-Identifier: Apache-2.0
#include <peft/delta/lora.hpp>
#include <peft/model/bert.hpp>
#include <peft/model/model.hpp>

using namespace peft;

#ifdef PEFT_EXPECT_ERROR
using Tuned = Method<Delta<LoRA<0>>>;
#else
using Tuned = Method<Delta<LoRA<1>>>;
#endif

void build() { Model<Bert<float>, Tuned> model(nullptr); }
