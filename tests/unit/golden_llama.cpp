// SPDX-License-Identifier: Apache-2.0
#include <peft/delta/bias.hpp>
#include <peft/delta/full.hpp>
#include <peft/delta/ia3.hpp>
#include <peft/delta/lora.hpp>
#include <peft/model/llama.hpp>
#include <peft/task/language_model.hpp>

#include "golden.hpp"

using namespace peft;

namespace {

template <class Method>
void follows(const char* checkpoint, const char* file, Method method) {
  golden::check<Llama<float>>(golden::folder(checkpoint), golden::folder(checkpoint) / file, LanguageModel{}, method);
}
const auto lora = Method<Delta<LoRA<4>>>(Delta<LoRA<4>>{{.alpha = 8}});

}  // namespace

TEST_CASE("Llama follows transformers and PEFT", "[golden]") {
  follows("tiny-llama", "lora.safetensors", lora);
  follows("tiny-llama", "full.safetensors", Method<Delta<Full>>{});
  follows("tiny-llama", "ia3.safetensors", Method<Delta<Rescale<Route::post>, At<Key, Value>>, Delta<Rescale<Route::pre>, At<FfnDown>>>{});
}

TEST_CASE("Llama with tied words and scaled positions follows transformers", "[golden]") {
  follows("tiny-llama-tied", "lora.safetensors", lora);
  follows("tiny-llama-tied", "full.safetensors", Method<Delta<Full>>{});
  follows("tiny-llama-linear", "lora.safetensors", lora);
  follows("tiny-llama-yarn", "lora.safetensors", lora);
}

TEST_CASE("Qwen2 follows transformers and PEFT", "[golden]") {
  follows("tiny-qwen2", "lora.safetensors", lora);
  follows("tiny-qwen2", "bitfit.safetensors", Method<Delta<Bias>>{});
  follows("tiny-qwen2", "full.safetensors", Method<Delta<Full>>{});
}
