// SPDX-License-Identifier: Apache-2.0
#include <peft/delta/prefix.hpp>
#include <peft/delta/prompt.hpp>
#include <peft/model/llama.hpp>

#include "generate_golden.hpp"

using namespace peft;

TEST_CASE("Llama writes what transformers writes", "[golden]") {
  golden::writes<Llama<float>>("tiny-llama");
  golden::writes<Llama<float>>("tiny-llama-tied");
}

TEST_CASE("Llama with a prefix and with a prompt writes what PEFT writes", "[golden]") {
  Prefix prefix;
  prefix.length = 3;
  prefix.projection = false;
  golden::writes<Llama<float>>("tiny-llama", "prefix.safetensors", Method<Delta<Prefix>>(Delta<Prefix>{prefix}));
  Prompt prompt;
  prompt.length = 3;
  golden::writes<Llama<float>>("tiny-llama", "prompt.safetensors", Method<Delta<Prompt>>(Delta<Prompt>{prompt}));
}
