// expect: static assertion failed: peft: there is a member .penalty. that the engine cannot call; expected: .double penalty
// SPDX-License-Identifier: Apache-2.0
#include "shift.hpp"

using namespace peft;

/// A penalty is a number.
struct Shift : PlainShift {
#ifdef PEFT_EXPECT_ERROR
  void penalty(auto&, auto&) const {}
#else
  double penalty(auto&, auto&) const { return 0; }
#endif
};

template struct peft::Delta<Shift, At<Query>>;
