// SPDX-License-Identifier: Apache-2.0
#include <peft/model/t5.hpp>

#include "../adapter.hpp"
#include "../full.hpp"
#include "../ia3.hpp"
#include "../lora.hpp"
#include "../prompt.hpp"
#include "../read.hpp"

namespace {

using Backbone = peft::T5<float>;

const Runs full_t5("full", "t5", run_full<Backbone>);
const Runs lora_t5("lora", "t5", run_lora<Backbone>);
const Runs ia3_t5("ia3", "t5", run_ia3<Backbone>);
const Runs adapter_t5("adapter", "t5", run_adapter<Backbone>);
const Runs prompt_t5("prompt", "t5", run_prompt<Backbone>);
const Runs read_t5("read", "t5", run_read<Backbone>);

}  // namespace
