// expect: static assertion failed: peft::Delta: a branch sits on a linear site, on attn or on ff
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
  void backward(auto&, const auto&, auto, auto, const auto&, auto&, auto) const {}
};

#ifdef PEFT_EXPECT_ERROR
using Tuned = Method<Delta<Scale, At<Query, FfnNorm>>>;
#else
using Tuned = Method<Delta<Scale, At<Query>>>;
#endif

void build() { Model<Bert<float>, Tuned> model(nullptr); }
