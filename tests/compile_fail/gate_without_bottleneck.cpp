// expect: static assertion failed: peft::Method: no delta has a bottleneck
// SPDX-License-Identifier: Apache-2.0
#include <peft/delta/bias.hpp>
#include <peft/delta/lora.hpp>
#include <peft/model/bert.hpp>
#include <peft/model/model.hpp>

using namespace peft;

#ifdef PEFT_EXPECT_ERROR
using Tuned = Method<Delta<Bias>, Gate<Proximal>>;
#else
using Tuned = Method<Delta<Bias>, Delta<LoRA<8>>, Gate<Proximal>>;
#endif

void build() { Model<Bert<float>, Tuned> model(nullptr); }
