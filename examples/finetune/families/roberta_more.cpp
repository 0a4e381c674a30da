// SPDX-License-Identifier: Apache-2.0
#include <peft/model/roberta.hpp>

#include "../full.hpp"
#include "../prompt.hpp"
#include "../read.hpp"

namespace {

using Backbone = peft::Roberta<float>;

const Also full_roberta("full", "roberta", run_full<Backbone>);
const Also read_roberta("read", "roberta", run_read<Backbone>);
const Also prompt_roberta("prompt", "roberta", run_prompt<Backbone>);

}  // namespace
