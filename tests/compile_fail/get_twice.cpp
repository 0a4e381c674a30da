// expect: static assertion failed: peft::Method::get<D>: the method has several deltas of this type
// SPDX-License-Identifier: Apache-2.0
#include <peft/delta/lora.hpp>

using namespace peft;

#ifdef PEFT_EXPECT_ERROR
using Tuned = Method<Delta<LoRA<8>, At<Query>>, Delta<LoRA<8>, At<Value>>>;
#else
using Tuned = Method<Delta<LoRA<8>, At<Query>>, Delta<LoRA<4>, At<Value>>>;
#endif

double build(Tuned tuned) { return tuned.get<LoRA<8>>().alpha; }
