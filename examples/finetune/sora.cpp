// SPDX-License-Identifier: Apache-2.0
#include "sora_run.hpp"

namespace {
const Runs sora_bert("sora", "bert", run_sora<peft::Bert<float>>);
}
