// SPDX-License-Identifier: Apache-2.0
#include <peft/delta/bias.hpp>
#include <peft/delta/full.hpp>
#include <peft/delta/ia3.hpp>
#include <peft/delta/lora.hpp>
#include <peft/model/gpt2.hpp>
#include <peft/task/language_model.hpp>

#include "golden.hpp"

using namespace peft;

namespace {

template <class Method>
void follows_gpt2(const char* checkpoint, const char* file, Method method) {
  golden::check<Gpt2<float>>(golden::folder(checkpoint), golden::folder(checkpoint) / file, LanguageModel{}, method);
}

}  // namespace

TEST_CASE("GPT-2 follows transformers and PEFT", "[golden]") {
  follows_gpt2("tiny-gpt2", "lora.safetensors", Method<Delta<LoRA<4>>>(Delta<LoRA<4>>{{.alpha = 8}}));
  follows_gpt2("tiny-gpt2", "bitfit.safetensors", Method<Delta<Bias>>{});
  follows_gpt2("tiny-gpt2", "full.safetensors", Method<Delta<Full>>{});
  follows_gpt2("tiny-gpt2", "ia3.safetensors", Method<Delta<Rescale<Route::post>, At<FusedQkv>>, Delta<Rescale<Route::pre>, At<FfnDown>>>{});
}

TEST_CASE("GPT-2 as its first files name it follows transformers", "[golden]") {
  follows_gpt2("tiny-gpt2-bare", "lora.safetensors", Method<Delta<LoRA<4>>>(Delta<LoRA<4>>{{.alpha = 8}}));
  follows_gpt2("tiny-gpt2-bare", "full.safetensors", Method<Delta<Full>>{});
}
