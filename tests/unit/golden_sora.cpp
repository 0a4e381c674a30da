// SPDX-License-Identifier: Apache-2.0
#include <peft/delta/sora.hpp>

#include "golden.hpp"

using namespace peft;

template <class Xi>
void check_sora(const char* checkpoint, const char* file, Extent labels, double strength) {
  SoRA<4, Xi> method;
  auto& lora = std::get<0>(method.deltas).delta;
  lora.alpha = 8;
  lora.gate.strength = strength;
  golden::check<Bert<float>>(golden::folder(checkpoint), golden::folder(checkpoint) / file, Classify{labels}, method);
}

TEST_CASE("SoRA follows PyTorch under each of its operators", "[golden]") {
  check_sora<ScaledByLr>("tiny-bert", "sora.safetensors", 3, 10);
  check_sora<ScaledByLr>("tiny-bert-tanh", "sora.safetensors", 1, 10);
  check_sora<ConstantXi>("tiny-bert", "sora_constant.safetensors", 3, 1e-3);
}
