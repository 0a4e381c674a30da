// SPDX-License-Identifier: Apache-2.0
#include <peft/model/roberta.hpp>

#include "../adapter.hpp"
#include "../bitfit.hpp"
#include "../head.hpp"
#include "../ia3.hpp"
#include "../lora.hpp"
#include "../pasta.hpp"
#include "../sora_run.hpp"

namespace {

using Backbone = peft::Roberta<float>;

const Also head_roberta("head", "roberta", run_head<Backbone>);
const Also bitfit_roberta("bitfit", "roberta", run_bitfit<Backbone>);
const Also lora_roberta("lora", "roberta", run_lora<Backbone>);
const Also sora_roberta("sora", "roberta", run_sora<Backbone>);
const Also adapter_roberta("adapter", "roberta", run_adapter<Backbone>);
const Also ia3_roberta("ia3", "roberta", run_ia3<Backbone>);
const Also pasta_roberta("pasta", "roberta", run_pasta<Backbone>);

}  // namespace
