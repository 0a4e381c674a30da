// SPDX-License-Identifier: Apache-2.0
#include <peft/delta/sora.hpp>

#include "methods.hpp"
#include "run.hpp"

int run_sora(const Job& job) {
  using namespace peft;
  SoRA<Dynamic> method;
  auto& part = std::get<0>(method.deltas);
  part.mask = job.sites(Linear, Linear);
  part.delta.rank = static_cast<int>(job.number("rank", job.options.rank));
  part.delta.alpha = job.number("alpha", job.options.alpha);
  part.delta.dropout = job.options.delta_dropout;
  part.delta.gate.strength = job.options.sparsity;
  return run(job, method, cat("SoRA r=", part.delta.rank),
             {{"sites", job.options.sites}, {"rank", cat(part.delta.rank)}, {"alpha", shortest(part.delta.alpha)}}, 1e-3);
}
