// SPDX-License-Identifier: Apache-2.0
#include <peft/delta/dora.hpp>

#include "run.hpp"
#include "runs.hpp"

namespace {

int run_dora(const Job& job) {
  using namespace peft;
  Method<Delta<DoRA<Dynamic>, At<Linear, Pooler>>> method;
  auto& part = std::get<0>(method.deltas);
  part.mask = job.sites(Query | Value, Linear | Pooler);
  part.delta.rank = job.options.rank;
  part.delta.alpha = job.options.alpha;
  part.delta.dropout = job.options.delta_dropout;
  part.delta.scaling = job.choice("scaling", {"rank", "rs"}) == 0 ? LoraScale::rank : LoraScale::root;
  part.delta.norm =
      job.choice("norm", {"constant", "differentiated"}) == 0 ? DoraNorm::constant : DoraNorm::differentiated;
  part.delta.b_rate = job.setting("lora-plus", part.delta.b_rate);
  if (job.adapter) {
    part.mask = Linear | Pooler;
    configure_from(*job.adapter, part);
  }
  return run<peft::Bert<float>>(job, method,
                                job.adapter ? cat("DoRA from ", job.options.load) : cat("DoRA r=", part.delta.rank));
}

const Runs dora_bert("dora", "bert", run_dora);

}  // namespace
