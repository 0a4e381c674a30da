// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <peft/delta/pfeiffer.hpp>
#include <peft/delta/seq_bn.hpp>

#include "../unit/run.hpp"

/// Settings: reduction, drop-layers (layers from the first on without one), form: pfeiffer, or seq_bn (AdapterHub's).
template <class Backbone>
int run_method(const Job& job) {
  using namespace peft;
  const auto train = [&](auto method, SiteSet places, SiteSet possible) {
    auto& part = std::get<0>(method.deltas);
    part.mask = job.sites(places, possible);
    part.layers.first = static_cast<int>(job.setting("drop-layers", 0));
    part.delta.reduction = static_cast<int>(job.setting("reduction", 16));
    return run<Backbone>(job, method, cat("adapter, reduction ", part.delta.reduction));
  };
  if (job.choice("form", {"pfeiffer", "seq_bn"}) == 1) return train(SeqBn<Dynamic>{}, FfnNorm, FfnNorm);
  return train(Method<Delta<PfeifferAdapter<Dynamic>, At<Ffn, Layer>>>{}, Ffn, Ffn | Layer);
}
