// expect: static assertion failed: peft: the delta has .regularise. and no .penalty.
// SPDX-License-Identifier: Apache-2.0
#include "shift.hpp"

using namespace peft;

/// A gradient of nothing that a check could compare it with.
struct Shift : PlainShift {
#ifdef PEFT_EXPECT_ERROR
  void regularise(auto&, auto&, auto&) const {}
#else
  void regularise(auto&, auto&, auto&) const {}
  double penalty(auto&, auto&) const { return 0; }
#endif
};

template struct peft::Delta<Shift, At<Query>>;
