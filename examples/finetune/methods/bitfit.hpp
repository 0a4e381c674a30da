// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <peft/delta/added_bias.hpp>

#include "../unit/run.hpp"

template <class Backbone>
int run_method(const Job& job) {
  using namespace peft;
  // Where norms have no biases, nor have most linear maps: those that lack one get it.
  std::conditional_t<Backbone::spec.rms, BitFit, Method<Delta<Bias>>> method;
  const SiteSet sites = job.sites(Linear | Norm | Pooler, Linear | Norm | Pooler);
  std::apply([&](auto&... parts) { ((parts.mask = sites), ...); }, method.deltas);
  return run<Backbone>(job, method, "BitFit");
}
