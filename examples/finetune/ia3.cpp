// SPDX-License-Identifier: Apache-2.0
#include "ia3.hpp"

namespace {
const Runs ia3_bert("ia3", "bert", run_ia3<peft::Bert<float>>);
}
