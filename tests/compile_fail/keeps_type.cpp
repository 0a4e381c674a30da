// expect: static assertion failed: peft: there is a member .keeps. that is not .static constexpr Keep keeps
// SPDX-License-Identifier: Apache-2.0
#include "shift.hpp"

using namespace peft;

/// What is kept is said by a Keep.
struct Shift : PlainShift {
#ifdef PEFT_EXPECT_ERROR
  static constexpr bool keeps = true;
#else
  static constexpr Keep keeps = Keep::input;
#endif
};

template struct peft::Delta<Shift, At<Query>>;
