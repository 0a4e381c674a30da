// expect: static assertion failed: peft: there is a member .prepare. that the engine cannot call; expected: .void prepare
// SPDX-License-Identifier: Apache-2.0
#include <peft/method.hpp>

using namespace peft;

/// A delta is not changed by what it prepares.
struct Shift {
  static constexpr Route route = Route::branch;
  static constexpr Kind fits = Kind::linear;
  template <class V>
  struct Params {
    V b;
  };
  template <class V>
  struct Kept {};
  void declare(auto& fields, auto& p, const Module& m) const { fields.vector("b", p.b, m.out); }
  void forward(auto&, const auto&, auto, auto, auto&) const {}
  void backward(auto&, const auto&, auto, auto, const auto&, auto&, auto) const {}
#ifdef PEFT_EXPECT_ERROR
  void prepare(auto&, auto&) {}
#else
  void prepare(auto&, auto&) const {}
#endif
};

template struct peft::Delta<Shift, At<Query>>;
