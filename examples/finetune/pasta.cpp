// SPDX-License-Identifier: Apache-2.0
#include "pasta.hpp"

namespace {
const Runs pasta_bert("pasta", "bert", run_pasta<peft::Bert<float>>);
}
