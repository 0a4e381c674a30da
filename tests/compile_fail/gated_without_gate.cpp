// expect: static assertion failed: peft::Delta: the delta takes a gate .*and has none
// SPDX-License-Identifier: Apache-2.0
#include <peft/gate/open.hpp>

#include "shift.hpp"

using namespace peft;

/// A gate whose members nobody would call.
template <class G>
struct Shift : PlainShift {
  template <class H>
  using gated = Shift<H>;
#ifndef PEFT_EXPECT_ERROR
  G gate{};
#endif
  template <class V>
  struct Params : G::template Params<V> {
    V b;
  };
};

template struct peft::Delta<Shift<Open>, At<Query>>;
