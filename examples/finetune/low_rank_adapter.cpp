// SPDX-License-Identifier: Apache-2.0
#include <peft/delta/full.hpp>
#include <peft/delta/low_rank_adapter.hpp>

#include "run.hpp"
#include "runs.hpp"

namespace {

int run_low_rank_adapter(const Job& job) {
  using namespace peft;
  Method<Delta<LowRankAdapter<>>, Delta<Full, At<AttnNorm, FfnNorm>>> method;
  auto& [adapters, norms] = method.deltas;
  adapters.mask = job.sites(Attention | Ffn, Attention | Ffn);
  adapters.delta.rank = static_cast<int>(job.setting("rank", adapters.delta.rank));
  adapters.delta.reduction = static_cast<int>(job.setting("reduction", adapters.delta.reduction));
  return run<peft::Bert<float>>(job, method, cat("low-rank adapter, r=", adapters.delta.rank, ", LayerNorms trained"));
}

const Runs low_rank_adapter_bert("low-rank-adapter", "bert", run_low_rank_adapter);

}  // namespace
