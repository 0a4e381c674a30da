// SPDX-License-Identifier: Apache-2.0
#include <peft/delta/sora.hpp>

#include "methods.hpp"
#include "run.hpp"

namespace {

int run_it(const Job& job) {
  using namespace peft;
  SoRA<Dynamic> method;
  auto& part = std::get<0>(method.deltas);
  part.mask = job.sites(Linear, Linear);
  part.delta.rank = static_cast<int>(job.setting("rank", job.options.rank));
  part.delta.alpha = job.setting("alpha", job.options.alpha);
  part.delta.dropout = job.options.delta_dropout;
  part.delta.gate.strength = job.setting("sparsity", 0.375);
  return run(job, method, cat("SoRA r=", part.delta.rank));
}

const Entry entry("sora", "SoRA: LoRA whose ranks are pruned by proximal gates", 1e-3, run_it);

}  // namespace
