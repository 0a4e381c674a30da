// SPDX-License-Identifier: Apache-2.0
#include <peft/delta/adalora.hpp>

#include "golden.hpp"

using namespace peft;

template <class D>
void check_adalora(const char* file, auto&& change) {
  Method<Delta<D, At<Query, Value>>> method;
  auto& delta = std::get<0>(method.deltas).delta;
  delta.rank = 3;
  delta.target = 2;
  delta.alpha = 6;
  change(delta);
  golden::check<Bert>(golden::folder("tiny-bert"), golden::folder("tiny-bert") / file, Classify{3}, method);
}

TEST_CASE("AdaLoRA with the mean norm follows PEFT, budget and all", "[golden]") {
  check_adalora<ReferenceAdaLoRA>("adalora_peft.safetensors", [](auto& delta) {
    delta.tinit = 2;
    delta.tfinal = 5;
  });
}

TEST_CASE("AdaLoRA with the squared sum follows PyTorch", "[golden]") {
  check_adalora<AdaLoRA<>>("adalora.safetensors", [](auto& delta) {
    delta.tinit = delta.tfinal = 0;
    delta.every = 2;
  });
}
