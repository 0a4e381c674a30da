// SPDX-License-Identifier: Apache-2.0
#include <peft/model/gpt2.hpp>

#include "../adapter.hpp"
#include "../bitfit.hpp"
#include "../full.hpp"
#include "../ia3.hpp"
#include "../lora.hpp"
#include "../prompt.hpp"

namespace {

using Backbone = peft::Gpt2<float>;

const Runs bitfit_gpt2("bitfit", "gpt2", run_bitfit<Backbone>);
const Runs full_gpt2("full", "gpt2", run_full<Backbone>);
const Runs lora_gpt2("lora", "gpt2", run_lora<Backbone>);
const Runs ia3_gpt2("ia3", "gpt2", run_ia3<Backbone>);
const Runs adapter_gpt2("adapter", "gpt2", run_adapter<Backbone>);
const Runs prompt_gpt2("prompt", "gpt2", run_prompt<Backbone>);

}  // namespace
