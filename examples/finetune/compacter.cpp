// SPDX-License-Identifier: Apache-2.0
#include <peft/delta/compacter.hpp>
#include <peft/delta/full.hpp>

#include "runs.hpp"
#include "run.hpp"

namespace {

int run_compacter(const Job& job) {
  using namespace peft;
  Method<Delta<Compacter<>>, Delta<Full, At<AttnNorm, FfnNorm>>> method;
  auto& [adapters, norms] = method.deltas;
  adapters.mask = job.sites(Attention | Ffn, Attention | Ffn);
  adapters.delta.n = static_cast<int>(job.setting("n", 4));
  adapters.delta.rank = static_cast<int>(job.setting("rank", 1));
  adapters.delta.reduction = static_cast<int>(job.setting("reduction", 32));
  adapters.delta.shared_rule = job.setting("shared-rule", 1) != 0;
  return run<peft::Bert<float>>(job, method, cat("Compacter, n=", adapters.delta.n, ", LayerNorms trained"));
}

const Runs compacter_bert("compacter", "bert", run_compacter);

}  // namespace
