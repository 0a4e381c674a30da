// SPDX-License-Identifier: Apache-2.0
#include <peft/model/deberta.hpp>

#include "../full.hpp"
#include "../prompt.hpp"
#include "../read.hpp"

namespace {

using Backbone = peft::Deberta<float>;

const Also full_deberta_v2("full", "deberta-v2", run_full<Backbone>);
const Also read_deberta_v2("read", "deberta-v2", run_read<Backbone>);
const Also prompt_deberta_v2("prompt", "deberta-v2", run_prompt<Backbone>);

}  // namespace
