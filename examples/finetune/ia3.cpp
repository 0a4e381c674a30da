// SPDX-License-Identifier: Apache-2.0
#include "ia3.hpp"

namespace {
const Entry ia3_entry("ia3", "(IA)^3: keys, values and inner activations rescaled", 5e-3, run_ia3<peft::Bert<float>>);
}
