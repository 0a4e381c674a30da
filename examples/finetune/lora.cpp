// SPDX-License-Identifier: Apache-2.0
#include "lora.hpp"

namespace {
const Runs lora_bert("lora", "bert", run_lora<peft::Bert<float>>);
}
