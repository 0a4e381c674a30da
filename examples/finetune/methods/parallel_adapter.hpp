// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <peft/delta/adapter.hpp>

#include "../unit/run.hpp"

template <class Backbone>
int run_method(const Job& job) {
  using namespace peft;
  Method<Delta<ParallelAdapter<Dynamic>, At<Attention, Ffn>>> method;
  auto& part = std::get<0>(method.deltas);
  part.mask = job.sites(Ffn, Attention | Ffn);
  part.layers.first = static_cast<int>(job.setting("drop-layers", 0));
  part.delta.width = static_cast<int>(job.setting("width", 512));
  part.delta.scale = job.setting("scale", part.delta.scale);
  return run<Backbone>(job, method, cat("parallel adapter, width ", part.delta.width));
}
