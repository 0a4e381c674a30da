// SPDX-License-Identifier: Apache-2.0
#include <peft/delta/lora.hpp>

#include "golden.hpp"

using namespace peft;

TEST_CASE("LoRA follows PEFT on a tiny BERT", "[golden]") {
  using Lora = Method<Delta<LoRA<4>, At<Query, Value>>>;
  Lora method;
  std::get<0>(method.deltas).delta.alpha = 8;
  golden::check<Bert>(golden::folder("tiny-bert"), golden::folder("tiny-bert") / "lora.safetensors", Classify{3},
                      method);
  golden::check<Bert>(golden::folder("tiny-bert-tanh"), golden::folder("tiny-bert-tanh") / "lora.safetensors",
                      Classify{1}, method);
}

TEST_CASE("LoRA under mean pooling follows PEFT", "[golden]") {
  Method<Delta<LoRA<Dynamic>, At<"*.attention.self.query", "attn.v">>> method;
  auto& lora = std::get<0>(method.deltas).delta;
  lora.rank = 4;
  lora.alpha = 8;
  golden::check<Bert>(golden::folder("tiny-bert"), golden::folder("tiny-bert") / "lora_meanpool.safetensors",
                      ClassifyMean{3}, method);
}
