// SPDX-License-Identifier: Apache-2.0
#include <peft/delta/prompt.hpp>
#include <peft/model/t5.hpp>

#include "generate_golden.hpp"

using namespace peft;

TEST_CASE("T5 writes what transformers writes", "[golden]") {
  golden::writes<T5<float>>("tiny-t5-v1.0");
  golden::writes<T5<float>>("tiny-t5-v1.1");
}

TEST_CASE("T5 with a prompt writes what PEFT writes", "[golden]") {
  Prompt prompt;
  prompt.length = 3;
  for (const char* checkpoint : {"tiny-t5-v1.0", "tiny-t5-v1.1"})
    golden::writes<T5<float>>(checkpoint, "prompt.safetensors", Method<Delta<Prompt>>(Delta<Prompt>{prompt}));
}
