// SPDX-License-Identifier: Apache-2.0
#include <peft/delta/lora.hpp>

#include "methods.hpp"
#include "run.hpp"

namespace {

int run_it(const Job& job) {
  using namespace peft;
  Method<Delta<LoRA<Dynamic>, At<Linear, Pooler>>> method;
  auto& part = std::get<0>(method.deltas);
  part.mask = job.sites(Query | Value, Linear | Pooler);
  LoRA<Dynamic>& lora = part.delta;
  lora.rank = job.options.rank;
  lora.alpha = job.options.alpha;
  lora.dropout = job.options.delta_dropout;
  if (job.adapter) {
    // An adapter says itself where it sits and with which rank.
    part.mask = Linear | Pooler;
    lora.rank = 0;
    for (const LoraModule& m : job.adapter->modules) {
      lora.ranks[m.path] = m.rank;
      lora.alphas[m.path] = m.alpha;
    }
  }
  const std::string label = job.adapter ? cat("LoRA from ", job.options.load) : cat("LoRA r=", lora.rank);
  return run(job, method, label);
}

const Entry entry("lora", "LoRA: low-rank branches", 1e-3, run_it);

}  // namespace
