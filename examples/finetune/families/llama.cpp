// SPDX-License-Identifier: Apache-2.0
#include <peft/model/llama.hpp>

#include "../adapter.hpp"
#include "../full.hpp"
#include "../ia3.hpp"
#include "../lora.hpp"
#include "../prompt.hpp"
#include "../read.hpp"

namespace {

using Backbone = peft::Llama<float>;

const Runs full_llama("full", "llama", run_full<Backbone>);
const Runs lora_llama("lora", "llama", run_lora<Backbone>);
const Runs ia3_llama("ia3", "llama", run_ia3<Backbone>);
const Runs adapter_llama("adapter", "llama", run_adapter<Backbone>);
const Runs prompt_llama("prompt", "llama", run_prompt<Backbone>);
const Runs read_llama("read", "llama", run_read<Backbone>);

}  // namespace
