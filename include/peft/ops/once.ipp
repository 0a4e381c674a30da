// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <peft/ops/once.hpp>

#ifdef PEFT_SEPARATE
namespace peft::ops {
#define PEFT_ONCE(f, ...) template decltype(f<__VA_ARGS__>) f<__VA_ARGS__>;
PEFT_OPS(PEFT_ONCE, float)
PEFT_OPS(PEFT_ONCE, double)
PEFT_HOST_OPS(PEFT_ONCE, float)
PEFT_HOST_OPS(PEFT_ONCE, double)
#undef PEFT_ONCE
}  // namespace peft::ops
#endif
