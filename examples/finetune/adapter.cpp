// SPDX-License-Identifier: Apache-2.0
#include "adapter.hpp"

namespace {
const Runs adapter_bert("adapter", "bert", run_adapter<peft::Bert<float>>);
}
