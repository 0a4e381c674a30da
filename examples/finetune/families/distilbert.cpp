// SPDX-License-Identifier: Apache-2.0
#include <peft/model/distilbert.hpp>

#include "../adapter.hpp"
#include "../bitfit.hpp"
#include "../exported.hpp"
#include "../full.hpp"
#include "../head.hpp"
#include "../lora.hpp"

namespace {

using Backbone = peft::Distilbert<float>;

const Exported exported_distilbert("distilbert", compare_exported<Backbone>);
const Runs head_distilbert("head", "distilbert", run_head<Backbone>);
const Runs bitfit_distilbert("bitfit", "distilbert", run_bitfit<Backbone>);
const Runs full_distilbert("full", "distilbert", run_full<Backbone>);
const Runs lora_distilbert("lora", "distilbert", run_lora<Backbone>);
const Runs adapter_distilbert("adapter", "distilbert", run_adapter<Backbone>);

}  // namespace
