// expect: static assertion failed: peft::Method::get<D>: the method has no delta of this type
// SPDX-License-Identifier: Apache-2.0
#include <peft/delta/lora.hpp>

using namespace peft;

#ifdef PEFT_EXPECT_ERROR
using Asked = LoRA<4>;
#else
using Asked = LoRA<8>;
#endif

double build(Method<Delta<LoRA<8>>, Gate<Proximal>> tuned) { return tuned.get<Asked>().alpha; }
