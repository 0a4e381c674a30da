// SPDX-License-Identifier: Apache-2.0
#include <peft/delta/prefix.hpp>
#include <peft/delta/prompt.hpp>
#include <peft/model/gpt2.hpp>

#include "generate_golden.hpp"

using namespace peft;

TEST_CASE("GPT-2 writes what transformers writes", "[golden]") { golden::writes<Gpt2<float>>("tiny-gpt2"); }

TEST_CASE("GPT-2 with a prefix and with a prompt writes what PEFT writes", "[golden]") {
  Prefix prefix;
  prefix.length = 3;
  prefix.projection = false;
  golden::writes<Gpt2<float>>("tiny-gpt2", "prefix.safetensors", Method<Delta<Prefix>>(Delta<Prefix>{prefix}));
  Prompt prompt;
  prompt.length = 3;
  golden::writes<Gpt2<float>>("tiny-gpt2", "prompt.safetensors", Method<Delta<Prompt>>(Delta<Prompt>{prompt}));
}
