// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <peft/delta/dora.hpp>

#include "../unit/run.hpp"

template <class Backbone>
int run_method(const Job& job) {
  using namespace peft;
  Method<Delta<DoRA<Dynamic>, At<Linear | Pooler>>> method;
  auto& part = std::get<0>(method.deltas);
  part.mask = job.sites(Query | Value | CrossQuery | CrossValue | FusedQkv, Linear | Pooler);
  part.delta.rank = job.rank();
  part.delta.alpha = job.alpha();
  part.delta.dropout = job.delta_dropout();
  part.delta.scaling = job.choice("scaling", {"rank", "rs"}) == 0 ? LoraScale::rank : LoraScale::root;
  part.delta.norm =
      job.choice("norm", {"constant", "differentiated"}) == 0 ? DoraNorm::constant : DoraNorm::differentiated;
  part.delta.b_rate = job.setting("lora-plus", part.delta.b_rate);
  if (job.adapter) {
    part.mask = Linear | Pooler;
    configure_from(*job.adapter, part);
  }
  return run<Backbone>(job, method,
                       job.adapter ? cat("DoRA from ", job.options.load) : cat("DoRA r=", part.delta.rank));
}
