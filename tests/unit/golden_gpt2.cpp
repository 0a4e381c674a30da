// SPDX-License-Identifier: Apache-2.0
#include <peft/delta/bias.hpp>
#include <peft/delta/full.hpp>
#include <peft/delta/ia3.hpp>
#include <peft/delta/lora.hpp>
#include <peft/delta/prefix.hpp>
#include <peft/delta/prompt.hpp>
#include <peft/model/gpt2.hpp>
#include <peft/task/language_model.hpp>

#include "golden.hpp"

using namespace peft;

namespace {

template <class Method>
void follows_gpt2(const char* checkpoint, const char* file, Method method) {
  golden::check<Gpt2>(golden::folder(checkpoint), golden::folder(checkpoint) / file, LanguageModel{}, method);
}

Prompt three_rows_of_gpt2() {
  Prompt prompt;
  prompt.length = 3;
  return prompt;
}
Prefix three_keys_of_gpt2() {
  Prefix prefix;
  prefix.length = 3;
  prefix.projection = false;
  return prefix;
}

}  // namespace

TEST_CASE("GPT-2 follows transformers and PEFT", "[golden]") {
  follows_gpt2("tiny-gpt2", "lora.safetensors", Method<Delta<LoRA<4>>>(Delta<LoRA<4>>{{.alpha = 8}}));
  follows_gpt2("tiny-gpt2", "bitfit.safetensors", Method<Delta<Bias>>{});
  follows_gpt2("tiny-gpt2", "full.safetensors", Method<Delta<Full>>{});
  follows_gpt2("tiny-gpt2", "ia3.safetensors", IA3{});
}

TEST_CASE("GPT-2 as its first files name it follows transformers", "[golden]") {
  follows_gpt2("tiny-gpt2-bare", "lora.safetensors", Method<Delta<LoRA<4>>>(Delta<LoRA<4>>{{.alpha = 8}}));
  follows_gpt2("tiny-gpt2-bare", "full.safetensors", Method<Delta<Full>>{});
}

TEST_CASE("GPT-2 behind virtual tokens follows PEFT", "[golden]") {
  follows_gpt2("tiny-gpt2", "prompt.safetensors", Method<Delta<Prompt>>(Delta<Prompt>{three_rows_of_gpt2()}));
  follows_gpt2("tiny-gpt2", "prefix.safetensors", Method<Delta<Prefix>>(Delta<Prefix>{three_keys_of_gpt2()}));
}
