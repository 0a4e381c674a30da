// SPDX-License-Identifier: Apache-2.0
#include <peft/delta/full.hpp>
#include <peft/delta/houlsby.hpp>
#include <peft/delta/ia3.hpp>
#include <peft/delta/lora.hpp>
#include <peft/delta/prompt.hpp>
#include <peft/model/t5.hpp>
#include <peft/side/read_pair.hpp>
#include <peft/side/read_pair_full.hpp>
#include <peft/task/language_model.hpp>

#include "golden.hpp"

using namespace peft;

namespace {

template <class Method>
void follows_t5(const char* checkpoint, const char* file, Method method) {
  golden::check<T5>(golden::folder(checkpoint), golden::folder(checkpoint) / file, LanguageModel{}, method);
}

}  // namespace

TEST_CASE("T5 follows transformers and PEFT", "[golden]") {
  for (const char* checkpoint : {"tiny-t5-v1.0", "tiny-t5-v1.1"}) {
    follows_t5(checkpoint, "lora.safetensors", Method<Delta<LoRA<4>>>(Delta<LoRA<4>>{{.alpha = 8}}));
    follows_t5(checkpoint, "full.safetensors", Method<Delta<Full>>{});
    follows_t5(checkpoint, "ia3.safetensors", IA3{});
    follows_t5(checkpoint, "houlsby.safetensors", Houlsby<4>{});
    Delta<Prompt> prompt;
    prompt.delta.length = 3;
    follows_t5(checkpoint, "prompt.safetensors", Method<Delta<Prompt>>(prompt));
  }
}

TEST_CASE("READ on T5 follows PyTorch: Algorithm 1, and its equations in full", "[golden]") {
  for (const char* checkpoint : {"tiny-t5-v1.0", "tiny-t5-v1.1"}) {
    Method<SideNet<ReadPair<GRU, 5>>> pair;
    follows_t5(checkpoint, "read_relative.safetensors", pair);
    std::get<0>(pair.deltas).delta.relative = false;
    follows_t5(checkpoint, "read.safetensors", pair);
    Method<SideNet<ReadPairFull<GRU, 5>>> full;
    std::get<0>(full.deltas).delta.relative = false;
    follows_t5(checkpoint, "read_full.safetensors", full);
  }
}
