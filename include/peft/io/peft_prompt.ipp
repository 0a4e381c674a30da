// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <peft/io/peft_prompt.hpp>

namespace peft {

namespace peft_prompt {

PEFT_INLINE void describe(int width, int layers, int heads, PeftAdapter& to) {
  to.config.erase("modules_to_save");  // PEFT knows the head of a task; older versions know no such key here
  to.config["token_dim"] = width;
  to.config["num_layers"] = layers;
  to.config["num_attention_heads"] = heads;
  to.config["num_transformer_submodules"] = 1;
}

PEFT_INLINE int length(const PeftAdapter& from) {
  const JsonFields fields = from.fields();
  if (fields.integer("num_transformer_submodules", 1, 2, 1) != 1)
    fields.refuse("num_transformer_submodules", "1 (virtual tokens of an encoder with a decoder are not read)");
  return static_cast<int>(fields.integer("num_virtual_tokens", 1, 1 << 20));
}

}  // namespace peft_prompt

}  // namespace peft
