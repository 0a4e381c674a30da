// SPDX-License-Identifier: Apache-2.0
#include "adapter.hpp"

namespace {
const Entry adapter_entry("adapter", "Houlsby's adapters and LayerNorms", 1e-3, run_adapter<peft::Bert<float>>);
}
