// SPDX-License-Identifier: Apache-2.0
#include "head.hpp"

namespace {
const Entry head_entry("head", "the task's head alone", 1e-3, run_head<peft::Bert<float>>);
}
