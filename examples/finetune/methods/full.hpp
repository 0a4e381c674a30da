// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <peft/delta/full.hpp>

#include "../unit/run.hpp"

template <class Backbone>
int run_method(const Job& job) {
  using namespace peft;
  Method<Delta<Full>> method;
  std::get<0>(method.deltas).mask = job.sites(Everything, Everything);
  return run<Backbone>(job, method, "full fine-tuning");
}
