// expect: static assertion failed: peft: there is a member .finish. that the engine cannot call; expected: .void finish\(auto& c, auto& all, auto& grads\) const
// SPDX-License-Identifier: Apache-2.0
#include "shift.hpp"

using namespace peft;

/// A `finish` that takes the gradients alone would never run.
struct Shift : PlainShift {
#ifdef PEFT_EXPECT_ERROR
  void finish(auto&, auto&) const {}
#else
  void finish(auto&, auto&, auto&) const {}
#endif
};

template struct peft::Delta<Shift, At<Query>>;
