// SPDX-License-Identifier: Apache-2.0
#include <peft/delta/pfeiffer.hpp>

#include "methods.hpp"
#include "run.hpp"

namespace {

int run_pfeiffer(const Job& job) {
  using namespace peft;
  Method<Delta<PfeifferAdapter<Dynamic>, At<Ffn, Layer>>> method;
  auto& part = std::get<0>(method.deltas);
  part.mask = job.sites(Ffn, Ffn | Layer);
  part.layers.first = static_cast<int>(job.setting("drop-layers", 0));
  part.delta.reduction = static_cast<int>(job.setting("reduction", 16));
  return run<peft::Bert<float>>(job, method, cat("adapter, reduction ", part.delta.reduction));
}

const Entry pfeiffer_entry("pfeiffer", "Pfeiffer's adapters, after the feed-forward", 1e-3, run_pfeiffer);

}  // namespace
