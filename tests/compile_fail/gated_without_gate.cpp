// expect: static assertion failed: peft::Delta: the delta takes a gate .*and has none
// SPDX-License-Identifier: Apache-2.0
#include <peft/gate/open.hpp>
#include <peft/method.hpp>

using namespace peft;

/// A gate whose members nobody would call.
template <class G>
struct Shift {
  static constexpr Route route = Route::branch;
  static constexpr Kind fits = Kind::linear;
  template <class H>
  using gated = Shift<H>;
#ifndef PEFT_EXPECT_ERROR
  G gate{};
#endif
  template <class V>
  struct Params : G::template Params<V> {
    V b;
  };
  template <class V>
  struct Kept {};
  void declare(auto& fields, auto& p, const Module& m) const { fields.vector("b", p.b, m.out); }
  void forward(auto&, const auto&, auto, auto, auto&) const {}
  void backward(auto&, const auto&, auto, auto, const auto&, auto&, auto) const {}
};

template struct peft::Delta<Shift<Open>, At<Query>>;
