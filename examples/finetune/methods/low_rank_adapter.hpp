// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <peft/delta/full.hpp>
#include <peft/delta/low_rank_adapter.hpp>

#include "../unit/run.hpp"

template <class Backbone>
int run_method(const Job& job) {
  using namespace peft;
  Method<Delta<LowRankAdapter<>>, Delta<Full, At<AttnNorm, FfnNorm>>> method;
  auto& [adapters, norms] = method.deltas;
  adapters.mask = job.sites(Attention | Ffn, Attention | Ffn);
  adapters.delta.rank = static_cast<int>(job.setting("rank", adapters.delta.rank));
  adapters.delta.reduction = static_cast<int>(job.setting("reduction", adapters.delta.reduction));
  return run<Backbone>(job, method, cat("low-rank adapter, r=", adapters.delta.rank, ", LayerNorms trained"));
}
