// SPDX-License-Identifier: Apache-2.0
#include "head.hpp"

namespace {
const Runs head_bert("head", "bert", run_head<peft::Bert<float>>);
}
