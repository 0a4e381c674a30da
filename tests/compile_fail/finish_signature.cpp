// expect: static assertion failed: peft: there is a member .finish. that the engine cannot call; expected: .void finish\(auto& c, auto& all, auto& grads\) const
// SPDX-License-Identifier: Apache-2.0
#include <peft/method.hpp>

using namespace peft;

/// A `finish` that takes the gradients alone would never run.
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
  void finish(auto&, auto&) const {}
#else
  void finish(auto&, auto&, auto&) const {}
#endif
};

template struct peft::Delta<Shift, At<Query>>;
