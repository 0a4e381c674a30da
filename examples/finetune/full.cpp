// SPDX-License-Identifier: Apache-2.0
#include "full.hpp"

namespace {
const Runs full_bert("full", "bert", run_full<peft::Bert<float>>);
}
