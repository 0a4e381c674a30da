// expect: static assertion failed: peft::LoRA<r, G>: the gate does not say whether it gives each rank a factor
// SPDX-License-Identifier: Apache-2.0
#include <peft/delta/lora.hpp>
#include <peft/model/bert.hpp>
#include <peft/model/model.hpp>

using namespace peft;

struct Same {
#ifndef PEFT_EXPECT_ERROR
  static constexpr bool scales = true;
#endif
  template <class V>
  struct Params {};
  void declare(auto&, auto&, Extent) const {}
  auto forward(auto&, const auto&, auto h) const { return h; }
  void backward(auto&, const auto&, auto, auto, auto&) const {}
};

using Tuned = Method<Delta<LoRA<8>>, Gate<Same>>;

void build() { Model<Bert<float>, Tuned> model(nullptr); }
