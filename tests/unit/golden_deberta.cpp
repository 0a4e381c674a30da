// SPDX-License-Identifier: Apache-2.0
#include <peft/delta/bias.hpp>
#include <peft/delta/full.hpp>
#include <peft/delta/ia3.hpp>
#include <peft/delta/lora.hpp>
#include <peft/delta/prompt.hpp>
#include <peft/model/deberta.hpp>

#include "golden.hpp"

using namespace peft;

namespace {

template <class Method>
void follows_deberta(const char* checkpoint, const char* file, Method method) {
  golden::check<Deberta>(golden::folder(checkpoint), golden::folder(checkpoint) / file, Classify{3}, method);
}

Prompt three_rows_of_deberta() {
  Prompt prompt;
  prompt.length = 3;
  return prompt;
}

}  // namespace

TEST_CASE("DeBERTa-v3 follows transformers and PEFT", "[golden]") {
  follows_deberta("tiny-deberta-v3", "head.safetensors", Method<>{});
  follows_deberta("tiny-deberta-v3", "lora.safetensors", Method<Delta<LoRA<4>>>(Delta<LoRA<4>>{{.alpha = 8}}));
  follows_deberta("tiny-deberta-v3", "bitfit.safetensors", Method<Delta<Bias>>{});
  follows_deberta("tiny-deberta-v3", "full.safetensors", Method<Delta<Full>>{});
  follows_deberta(
      "tiny-deberta-v3", "ia3.safetensors",
      Method<Delta<Rescale<Route::post>, At<Key, Value>>, Delta<Rescale<Route::pre>, At<AttnOut, FfnDown>>>{});
}

TEST_CASE("DeBERTa-v2 with projections for distances alone follows transformers", "[golden]") {
  follows_deberta("tiny-deberta-c2p", "head.safetensors", Method<>{});
  follows_deberta("tiny-deberta-c2p", "lora.safetensors", Method<Delta<LoRA<4>>>(Delta<LoRA<4>>{{.alpha = 8}}));
  follows_deberta("tiny-deberta-c2p", "bitfit.safetensors",
                  Method<Delta<Bias, At<Linear | Norm | Pooler | only(Site::position_key)>>>{});
  follows_deberta("tiny-deberta-c2p", "full.safetensors", Method<Delta<Full>>{});
}

TEST_CASE("DeBERTa behind virtual tokens follows PEFT", "[golden]") {
  follows_deberta("tiny-deberta-v3", "prompt.safetensors",
                  Method<Delta<Prompt>>(Delta<Prompt>{three_rows_of_deberta()}));
}
