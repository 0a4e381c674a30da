// SPDX-License-Identifier: Apache-2.0
#include "lora.hpp"

namespace {
const Entry lora_entry("lora", "LoRA: low-rank branches", 1e-3, run_lora<peft::Bert<float>>);
}
