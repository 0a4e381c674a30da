// expect: static assertion failed: peft: there is a member .keeps. that is not .static constexpr Keep keeps
// SPDX-License-Identifier: Apache-2.0
#include <peft/method.hpp>

using namespace peft;

/// What is kept is said by a Keep.
struct Shift {
  static constexpr Route route = Route::branch;
  static constexpr Kind fits = Kind::linear;
#ifdef PEFT_EXPECT_ERROR
  static constexpr bool keeps = true;
#else
  static constexpr Keep keeps = Keep::input;
#endif
  template <class V>
  struct Params {
    V b;
  };
  template <class V>
  struct Kept {};
  void declare(auto& fields, auto& p, const Module& m) const { fields.vector("b", p.b, m.out); }
  void forward(auto&, const auto&, auto, auto, auto&) const {}
  void backward(auto&, const auto&, auto, auto, const auto&, auto&, auto) const {}
};

template struct peft::Delta<Shift, At<Query>>;
