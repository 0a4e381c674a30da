// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <utility>

#include <peft/io/peft_prompt.hpp>

namespace peft {

namespace peft_prompt {

PEFT_INLINE void describe(int width, int layers, int heads, PeftAdapter& to) {
  to.config["token_dim"] = width;
  to.config["num_layers"] = layers;
  to.config["num_attention_heads"] = heads;
  to.config["num_transformer_submodules"] = 1;
}

PEFT_INLINE std::int64_t stacks(const PeftAdapter& from) {
  const JsonFields fields = from.fields();
  return fields.integer("num_transformer_submodules", 1, 2, fields.text("task_type", "") == "SEQ_2_SEQ_LM" ? 2 : 1);
}

PEFT_INLINE int length(const PeftAdapter& from) {
  return static_cast<int>(from.fields().integer("num_virtual_tokens", 1, 1 << 20));
}

PEFT_INLINE HostTensor rows(PeftTensors& left, std::string ours, std::int64_t length, std::int64_t width) {
  HostTensor all = left.take(tensor, std::move(ours), {stacks(left.adapter()) * length, width});
  all.shape[0] = length;
  all.data.resize(static_cast<std::size_t>(length * width));
  return all;
}

}  // namespace peft_prompt

}  // namespace peft
