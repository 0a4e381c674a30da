// expect: static assertion failed: peft::Delta: the delta has a forward but no .void backward
// SPDX-License-Identifier: Apache-2.0
#include <peft/delta/lora.hpp>
#include <peft/model/bert.hpp>
#include <peft/model/model.hpp>

using namespace peft;

/// y += x * l
struct Scale {
  static constexpr Route route = Route::branch;
  static constexpr Kind fits = Kind::linear | Kind::norm;
  template <class V>
  struct Params {
    V l;
  };
  template <class V>
  struct Kept {};
  void declare(auto& fields, auto& p, const Module& m) const { fields.vector("l", p.l, m.in); }
  void forward(auto&, const auto&, auto, auto, auto&) const {}
#ifndef PEFT_EXPECT_ERROR
  void backward(auto&, const auto&, auto, auto, const auto&, auto&, auto) const {}
#endif
};

using Tuned = Method<Delta<Scale, At<Query>>>;

void build() { Model<Bert<float>, Tuned> model(nullptr); }
