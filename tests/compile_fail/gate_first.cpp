// expect: static assertion failed: peft::Method: the gate comes last
// SPDX-License-Identifier: Apache-2.0
#include <peft/delta/lora.hpp>
#include <peft/model/bert.hpp>
#include <peft/model/model.hpp>

using namespace peft;

#ifdef PEFT_EXPECT_ERROR
using Tuned = Method<Gate<Proximal>, Delta<LoRA<8>>>;
#else
using Tuned = Method<Delta<LoRA<8>>, Gate<Proximal>>;
#endif

void build() { Model<Bert<float>, Tuned> model(nullptr); }
