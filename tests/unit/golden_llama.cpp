// SPDX-License-Identifier: Apache-2.0
#include <peft/delta/bias.hpp>
#include <peft/delta/full.hpp>
#include <peft/delta/houlsby.hpp>
#include <peft/delta/ia3.hpp>
#include <peft/delta/lora.hpp>
#include <peft/delta/prefix.hpp>
#include <peft/delta/prompt.hpp>
#include <peft/model/llama.hpp>
#include <peft/task/language_model.hpp>

#include "golden.hpp"

using namespace peft;

namespace {

template <class Method>
void follows_llama(const char* checkpoint, const char* file, Method method) {
  golden::check<Llama>(golden::folder(checkpoint), golden::folder(checkpoint) / file, LanguageModel{}, method);
}
const auto llama_lora = Method<Delta<LoRA<4>>>(Delta<LoRA<4>>{{.alpha = 8}});

Prompt three_rows_of_llama() {
  Prompt prompt;
  prompt.length = 3;
  return prompt;
}
Prefix three_keys_of_llama() {
  Prefix prefix;
  prefix.length = 3;
  prefix.projection = false;
  return prefix;
}

}  // namespace

TEST_CASE("Llama follows transformers and PEFT", "[golden]") {
  follows_llama("tiny-llama", "lora.safetensors", llama_lora);
  follows_llama("tiny-llama", "full.safetensors", Method<Delta<Full>>{});
  follows_llama("tiny-llama", "ia3.safetensors", IA3{});
}

TEST_CASE("Llama with tied words and scaled positions follows transformers", "[golden]") {
  follows_llama("tiny-llama-tied", "lora.safetensors", llama_lora);
  follows_llama("tiny-llama-tied", "full.safetensors", Method<Delta<Full>>{});
  follows_llama("tiny-llama-linear", "lora.safetensors", llama_lora);
  follows_llama("tiny-llama-yarn", "lora.safetensors", llama_lora);
}

TEST_CASE("Qwen2 follows transformers and PEFT", "[golden]") {
  follows_llama("tiny-qwen2", "lora.safetensors", llama_lora);
  follows_llama("tiny-qwen2", "bitfit.safetensors", Method<Delta<Bias>>{});
  follows_llama("tiny-qwen2", "full.safetensors", Method<Delta<Full>>{});
  follows_llama("tiny-qwen2", "ia3.safetensors",
                Method<Delta<Rescale<Route::post>, At<Query, Value>>, Delta<Rescale<Route::pre>, At<FfnDown>>>{});
}

TEST_CASE("Llama behind virtual tokens follows PEFT", "[golden]") {
  follows_llama("tiny-llama", "prompt.safetensors", Method<Delta<Prompt>>(Delta<Prompt>{three_rows_of_llama()}));
  follows_llama("tiny-llama", "prefix.safetensors", Method<Delta<Prefix>>(Delta<Prefix>{three_keys_of_llama()}));
}

TEST_CASE("Houlsby's adapters in Llama follow PyTorch", "[golden]") {
  follows_llama("tiny-llama", "houlsby.safetensors", Houlsby<4>{});
}
