// SPDX-License-Identifier: Apache-2.0
#include "read.hpp"

namespace {
const Runs read_bert("read", "bert", run_read<peft::Bert<float>>);
}
