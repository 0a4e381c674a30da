// expect: static assertion failed: peft: there is a member .after_step. that the engine cannot call; expected: .void after_step
// SPDX-License-Identifier: Apache-2.0
#include "shift.hpp"

using namespace peft;

/// A member that the engine may not call.
struct Shift : PlainShift {
#ifdef PEFT_EXPECT_ERROR

 private:
  void after_step(auto&, auto&, auto&, const StepInfo&) const {}
#else
  void after_step(auto&, auto&, auto&, const StepInfo&) const {}
#endif
};

template struct peft::Delta<Shift, At<Query>>;
