// SPDX-License-Identifier: Apache-2.0
#include <peft/delta/sora.hpp>

#include "golden.hpp"

using namespace peft;

template <class Method>
void check_sora(const char* checkpoint, const char* file, Extent labels, double strength, double alpha = 8) {
  Method method;
  auto& lora = std::get<0>(method.deltas).delta;
  lora.alpha = alpha;
  lora.gate.strength = strength;
  golden::check<Bert>(golden::folder(checkpoint), golden::folder(checkpoint) / file, Classify{labels}, method);
}

TEST_CASE("SoRA follows PyTorch under each of its operators", "[golden]") {
  check_sora<SoRA<4>>("tiny-bert", "sora.safetensors", 3, 10);
  check_sora<SoRA<4>>("tiny-bert-tanh", "sora.safetensors", 1, 10);
  check_sora<SoRA<4, ConstantXi>>("tiny-bert", "sora_constant.safetensors", 3, 1e-3);
  check_sora<SoRA<4, ReferenceXi>>("tiny-bert", "sora_reference.safetensors", 3, 1e-3);
}

TEST_CASE("SoRA follows the released code's training, its penalty included", "[golden]") {
  check_sora<ReferenceSoRA<2>>("tiny-bert", "sora_released.safetensors", 3, 1e-3, 4);
}
