// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <peft/delta/full.hpp>

#include "runs.hpp"
#include "run.hpp"

template <class Backbone>
int run_full(const Job& job) {
  using namespace peft;
  Method<Delta<Full>> method;
  std::get<0>(method.deltas).mask = job.sites(Everything, Everything);
  return run<Backbone>(job, method, "full fine-tuning");
}
