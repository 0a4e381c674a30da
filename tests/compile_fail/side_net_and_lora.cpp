// expect: static assertion failed: peft::Method: no gradient goes back through what a side net sees
// SPDX-License-Identifier: Apache-2.0
#include <peft/delta/lora.hpp>
#include <peft/model/bert.hpp>
#include <peft/model/model.hpp>

using namespace peft;

struct Net {
  static constexpr Route route = Route::side;
  static constexpr Kind fits = Kind::side;
  template <class V>
  struct Params {
    V e;
  };
  template <class V>
  struct Kept {};
  void declare(auto& fields, auto& p, const Module& m) const { fields.vector("e", p.e, m.out); }
  void begin(auto&, const auto&, auto&, int) const {}
  void tap(auto&, const auto&, auto&, int, auto) const {}
  void correct(auto&, const auto&, auto&, auto) const {}
  void backward(auto&, const auto&, auto&, auto, auto&) const {}
};

#ifdef PEFT_EXPECT_ERROR
using Tuned = Method<SideNet<Net>, Delta<LoRA<8>>>;
#else
using Tuned = Method<SideNet<Net>>;
#endif

void build() { Model<Bert<float>, Tuned> model(nullptr); }
