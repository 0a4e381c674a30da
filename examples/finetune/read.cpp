// SPDX-License-Identifier: Apache-2.0
#include "read.hpp"

namespace {
const Entry read_entry("read", "READ: a recurrent network over depth beside the backbone, which needs no backward", 1e-3, run_read<peft::Bert<float>>);
}
