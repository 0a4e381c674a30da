// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <peft/delta/vera.hpp>
#include <peft/io/peft_vera.hpp>

#include "../unit/run.hpp"

template <class Backbone>
int run_method(const Job& job) {
  using namespace peft;
  Method<Delta<VeRA, At<Linear | Pooler>>> method;
  auto& part = std::get<0>(method.deltas);
  part.mask = job.sites(Query | Value | CrossQuery | CrossValue | FusedQkv, Linear | Pooler);
  part.delta.rank = static_cast<int>(job.setting("rank", part.delta.rank));
  part.delta.d = job.setting("d", part.delta.d);
  part.delta.seed = static_cast<std::uint64_t>(job.setting("projection", static_cast<double>(part.delta.seed)));
  part.delta.dropout = job.delta_dropout();
  require(part.delta.rank > 0, "the setting rank is ", part.delta.rank, ", expected 1 or more");
  if (job.adapter) {
    part.mask = Linear | Pooler;
    configure_from(*job.adapter, part);
  }
  return run<Backbone>(job, method, cat("VeRA r=", part.delta.rank));
}
