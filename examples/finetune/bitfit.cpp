// SPDX-License-Identifier: Apache-2.0
#include "bitfit.hpp"

namespace {
const Runs bitfit_bert("bitfit", "bert", run_bitfit<peft::Bert<float>>);
}
