// expect: static assertion failed: peft: there is a member .prepare. that the engine cannot call; expected: .void prepare
// SPDX-License-Identifier: Apache-2.0
#include "shift.hpp"

using namespace peft;

/// A delta is not changed by what it prepares.
struct Shift : PlainShift {
#ifdef PEFT_EXPECT_ERROR
  void prepare(auto&, auto&) {}
#else
  void prepare(auto&, auto&) const {}
#endif
};

template struct peft::Delta<Shift, At<Query>>;
