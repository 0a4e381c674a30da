// expect: static assertion failed: peft::At: a name matches no site of this backbone
// SPDX-License-Identifier: Apache-2.0
#include <peft/delta/lora.hpp>
#include <peft/model/bert.hpp>
#include <peft/model/model.hpp>

using namespace peft;

#ifdef PEFT_EXPECT_ERROR
using Tuned = Method<Delta<LoRA<8>, At<"attn.query">>>;
#else
using Tuned = Method<Delta<LoRA<8>, At<"attn.q">>>;
#endif

void build() { Model<Bert<float>, Tuned> model(nullptr); }
