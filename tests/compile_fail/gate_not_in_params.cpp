// expect: static assertion failed: peft: the delta's Params do not hold its gate's
// SPDX-License-Identifier: Apache-2.0
#include <peft/gate/open.hpp>

#include "shift.hpp"

using namespace peft;

/// A gate whose tensors have no place.
template <class G>
struct Shift : PlainShift {
  template <class H>
  using gated = Shift<H>;
  G gate{};
  template <class V>
#ifdef PEFT_EXPECT_ERROR
  struct Params {
#else
  struct Params : G::template Params<V> {
#endif
    V b;
  };
};

template struct peft::Delta<Shift<Open>, At<Query>>;
