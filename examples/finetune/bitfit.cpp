// SPDX-License-Identifier: Apache-2.0
#include "bitfit.hpp"

namespace {
const Entry bitfit_entry("bitfit", "BitFit: the biases", 1e-3, run_bitfit<peft::Bert<float>>);
}
