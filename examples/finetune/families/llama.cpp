// SPDX-License-Identifier: Apache-2.0
#include <peft/model/llama.hpp>

#include "../adapter.hpp"
#include "../full.hpp"
#include "../lora.hpp"
#include "../prompt.hpp"
#include "../read.hpp"

namespace {

using Backbone = peft::Llama<float>;

const Also full_llama("full", "llama", run_full<Backbone>);
const Also lora_llama("lora", "llama", run_lora<Backbone>);
const Also adapter_llama("adapter", "llama", run_adapter<Backbone>);
const Also prompt_llama("prompt", "llama", run_prompt<Backbone>);
const Also read_llama("read", "llama", run_read<Backbone>);

}  // namespace
