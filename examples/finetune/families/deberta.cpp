// SPDX-License-Identifier: Apache-2.0
#include <peft/model/deberta.hpp>

#include "../adapter.hpp"
#include "../bitfit.hpp"
#include "../head.hpp"
#include "../ia3.hpp"
#include "../lora.hpp"
#include "../pasta.hpp"
#include "../sora_run.hpp"

namespace {

using Backbone = peft::Deberta<float>;

const Also head_deberta_v2("head", "deberta-v2", run_head<Backbone>);
const Also bitfit_deberta_v2("bitfit", "deberta-v2", run_bitfit<Backbone>);
const Also lora_deberta_v2("lora", "deberta-v2", run_lora<Backbone>);
const Also sora_deberta_v2("sora", "deberta-v2", run_sora<Backbone>);
const Also adapter_deberta_v2("adapter", "deberta-v2", run_adapter<Backbone>);
const Also ia3_deberta_v2("ia3", "deberta-v2", run_ia3<Backbone>);
const Also pasta_deberta_v2("pasta", "deberta-v2", run_pasta<Backbone>);

}  // namespace
