// SPDX-License-Identifier: Apache-2.0
#include "pasta.hpp"

namespace {
const Entry pasta_entry("pasta", "PASTA: a vector on each special token before every layer", 3e-3, run_pasta<peft::Bert<float>>);
}
