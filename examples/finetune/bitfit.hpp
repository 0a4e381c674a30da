// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <peft/delta/bias.hpp>

#include "run.hpp"
#include "runs.hpp"

template <class Backbone>
int run_bitfit(const Job& job) {
  using namespace peft;
  Method<Delta<Bias>> method;
  std::get<0>(method.deltas).mask = job.sites(Linear | Norm | Pooler, Linear | Norm | Pooler);
  return run<Backbone>(job, method, "BitFit");
}
