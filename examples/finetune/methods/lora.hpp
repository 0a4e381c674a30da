// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <peft/delta/lora.hpp>

#include "../unit/run.hpp"

template <class Backbone>
int run_method(const Job& job) {
  using namespace peft;
  Method<Delta<LoRA<Dynamic>, At<Linear | Pooler>>> method;
  auto& part = std::get<0>(method.deltas);
  part.mask = job.sites(Query | Value | CrossQuery | CrossValue | FusedQkv, Linear | Pooler);
  LoRA<Dynamic>& lora = part.delta;
  lora.rank = job.rank();
  lora.alpha = job.alpha();
  lora.dropout = job.delta_dropout();
  lora.scaling = job.choice("scaling", {"rank", "rs"}) == 0 ? LoraScale::rank : LoraScale::root;
  lora.start = job.choice("start", {"uniform", "gaussian"}) == 0 ? LoraStart::uniform : LoraStart::gaussian;
  lora.b_rate = job.setting("lora-plus", lora.b_rate);
  if (job.adapter) {
    // An adapter says itself where it sits, with which rank and scale.
    part.mask = Linear | Pooler;
    configure_from(*job.adapter, part);
  }
  const std::string label = job.adapter ? cat("LoRA from ", job.options.load) : cat("LoRA r=", lora.rank);
  return run<Backbone>(job, method, label);
}
