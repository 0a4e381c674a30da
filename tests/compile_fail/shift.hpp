// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <peft/method.hpp>

/// The least delta that there is, y <- y + 0 with one tensor: what a case adds to it is all that a case is about.
struct PlainShift {
  static constexpr peft::Route route = peft::Route::branch;
  static constexpr peft::Kind fits = peft::Kind::linear;
  template <class V>
  struct Params {
    V b;
  };
  template <class V>
  struct Kept {};
  void declare(auto& fields, auto& p, const peft::Module& m) const { fields.vector("b", p.b, m.out); }
  void forward(auto&, const auto&, auto, auto, auto&) const {}
  void backward(auto&, const auto&, auto, auto, const auto&, auto&, auto) const {}
};
