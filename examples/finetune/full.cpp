// SPDX-License-Identifier: Apache-2.0
#include "full.hpp"

namespace {
const Entry full_entry("full", "every parameter", 5e-5, run_full<peft::Bert<float>>);
}
