// expect: static assertion failed: peft: the delta's Params do not hold its gate's
// SPDX-License-Identifier: Apache-2.0
#include <peft/gate/open.hpp>
#include <peft/method.hpp>

using namespace peft;

/// A gate whose tensors have no place.
template <class G>
struct Shift {
  static constexpr Route route = Route::branch;
  static constexpr Kind fits = Kind::linear;
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
  template <class V>
  struct Kept {};
  void declare(auto& fields, auto& p, const Module& m) const { fields.vector("b", p.b, m.out); }
  void forward(auto&, const auto&, auto, auto, auto&) const {}
  void backward(auto&, const auto&, auto, auto, const auto&, auto&, auto) const {}
};

template struct peft::Delta<Shift<Open>, At<Query>>;
