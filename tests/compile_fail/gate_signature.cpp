// expect: static assertion failed: peft: there is a member .after_step. that the engine cannot call; expected: .void after_step.auto& c, auto& p,
// SPDX-License-Identifier: Apache-2.0
#include <peft/delta/lora.hpp>

using namespace peft;

/// A gate is told of a step once per module; a delta's signature would never be called.
struct Same : Open {
#ifdef PEFT_EXPECT_ERROR
  void after_step(auto&, auto&, auto&, const StepInfo&) const {}
#else
  void after_step(auto&, auto&, const StepInfo&) const {}
#endif
};

template struct peft::Delta<LoRA<8, Same>>;
