// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <peft/delta/compacter.hpp>
#include <peft/delta/full.hpp>

#include "../unit/run.hpp"

template <class Backbone>
int run_method(const Job& job) {
  using namespace peft;
  Method<Delta<Compacter<>>, Delta<Full, At<AttnNorm, FfnNorm>>> method;
  auto& [adapters, norms] = method.deltas;
  adapters.mask = job.sites(Attention | Ffn, Attention | Ffn);
  adapters.delta.n = static_cast<int>(job.setting("n", adapters.delta.n));
  adapters.delta.rank = static_cast<int>(job.setting("rank", adapters.delta.rank));
  adapters.delta.reduction = static_cast<int>(job.setting("reduction", adapters.delta.reduction));
  adapters.delta.shared_rule = job.setting("shared-rule", adapters.delta.shared_rule) != 0;
  return run<Backbone>(job, method, cat("Compacter, n=", adapters.delta.n, ", LayerNorms trained"));
}
