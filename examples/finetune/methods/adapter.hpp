// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <peft/delta/houlsby.hpp>

#include "../unit/run.hpp"

template <class Backbone>
int run_method(const Job& job) {
  using namespace peft;
  Method<Delta<Adapter<Dynamic>, At<Attention | CrossAttention | Ffn>>, Delta<Full, At<Norm>>> method;
  auto& [adapters, norms] = method.deltas;
  adapters.mask = job.sites(Attention | CrossAttention | Ffn, Attention | CrossAttention | Ffn);
  adapters.delta.width = static_cast<int>(job.setting("width", adapters.delta.width));
  adapters.delta.start.deviation = job.setting("deviation", adapters.delta.start.deviation);
  // AdapterDrop: the lowest layers go without. The released code trains the embeddings' LayerNorm as well.
  adapters.layers.first = norms.layers.first = static_cast<int>(job.setting("drop-layers", 0));
  norms.mask = job.setting("embedding-norm", 0) != 0 ? Norm : AttnNorm | CrossNorm | FfnNorm;
  return run<Backbone>(job, method, cat("adapter, width ", adapters.delta.width, ", LayerNorms trained"));
}
