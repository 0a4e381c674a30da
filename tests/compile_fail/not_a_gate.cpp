// expect: static assertion failed: peft::LoRA<r, G>: G is no gate
// SPDX-License-Identifier: Apache-2.0
#include <peft/delta/lora.hpp>
#include <peft/model/bert.hpp>
#include <peft/model/model.hpp>

using namespace peft;

struct Half {
  static constexpr bool scales = true;
  template <class V>
  struct Params {};
  void declare(auto&, auto&, Extent) const {}
  auto forward(auto&, const auto&, auto h) const { return h; }
#ifndef PEFT_EXPECT_ERROR
  void backward(auto&, const auto&, auto, auto, auto&) const {}
#endif
};

using Tuned = Method<Delta<LoRA<8>>, Gate<Half>>;

void build() { Model<Bert<float>, Tuned> model(nullptr); }
