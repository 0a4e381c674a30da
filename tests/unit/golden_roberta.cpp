// SPDX-License-Identifier: Apache-2.0
#include <peft/delta/bias.hpp>
#include <peft/delta/full.hpp>
#include <peft/delta/ia3.hpp>
#include <peft/delta/lora.hpp>
#include <peft/delta/prompt.hpp>
#include <peft/model/roberta.hpp>

#include "golden.hpp"

using namespace peft;

namespace {

template <class Method>
void follows_roberta(const char* checkpoint, const char* file, Method method, Extent labels = 3) {
  golden::check<Roberta>(golden::folder(checkpoint), golden::folder(checkpoint) / file, Classify{labels}, method);
}

Prompt three_rows_of_roberta() {
  Prompt prompt;
  prompt.length = 3;
  return prompt;
}

}  // namespace

TEST_CASE("RoBERTa follows transformers and PEFT", "[golden]") {
  follows_roberta("tiny-roberta", "head.safetensors", Method<>{});
  follows_roberta("tiny-roberta", "lora.safetensors", Method<Delta<LoRA<4>>>(Delta<LoRA<4>>{{.alpha = 8}}));
  follows_roberta("tiny-roberta", "bitfit.safetensors", Method<Delta<Bias>>{});
  follows_roberta("tiny-roberta", "full.safetensors", Method<Delta<Full>>{});
  // PEFT's own places: what ends in output.dense is the attention's output too.
  follows_roberta(
      "tiny-roberta", "ia3.safetensors",
      Method<Delta<Rescale<Route::post>, At<Key, Value>>, Delta<Rescale<Route::pre>, At<AttnOut, FfnDown>>>{});
}

TEST_CASE("a bare RoBERTa with an odd head size follows transformers", "[golden]") {
  follows_roberta("tiny-roberta-bare", "head.safetensors", Method<>{}, 1);
  follows_roberta("tiny-roberta-bare", "lora.safetensors", Method<Delta<LoRA<4>>>(Delta<LoRA<4>>{{.alpha = 8}}), 1);
  follows_roberta("tiny-roberta-bare", "full.safetensors", Method<Delta<Full>>{}, 1);
}

TEST_CASE("RoBERTa behind virtual tokens follows PEFT", "[golden]") {
  follows_roberta("tiny-roberta", "prompt.safetensors", Method<Delta<Prompt>>(Delta<Prompt>{three_rows_of_roberta()}));
}
