// expect: static assertion failed: peft: the delta has .regularise. and no .penalty.
// SPDX-License-Identifier: Apache-2.0
#include <peft/method.hpp>

using namespace peft;

/// A gradient of nothing that a check could compare it with.
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
  void regularise(auto&, auto&, auto&) const {}
#else
  void regularise(auto&, auto&, auto&) const {}
  double penalty(auto&, auto&) const { return 0; }
#endif
};

template struct peft::Delta<Shift, At<Query>>;
