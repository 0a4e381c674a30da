// SPDX-License-Identifier: Apache-2.0
#include "head.hpp"
#include "exported.hpp"

namespace {
const Exported exported_bert("bert", compare_exported<peft::Bert<float>>);
const Runs head_bert("head", "bert", run_head<peft::Bert<float>>);
}  // namespace
