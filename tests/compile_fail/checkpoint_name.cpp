// expect: static assertion failed: peft::At: a name matches no site of this backbone
// SPDX-License-Identifier: Apache-2.0
#include <peft/delta/lora.hpp>
#include <peft/model/bert.hpp>
#include <peft/model/model.hpp>

using namespace peft;

#ifdef PEFT_EXPECT_ERROR
using Tuned = Method<Delta<LoRA<8>, At<"attention.self.query", "encoder.layer.*.outputs.dense">>>;
#else
using Tuned = Method<Delta<LoRA<8>, At<"attention.self.query", "encoder.layer.*.output.dense">>>;
#endif

void build() { Model<Bert<float>, Tuned> model(nullptr); }
