// SPDX-License-Identifier: Apache-2.0
#include "sora_run.hpp"

namespace {
const Entry sora_entry("sora", "SoRA: LoRA whose ranks are pruned by proximal gates", 1e-3, run_sora<peft::Bert<float>>);
}
