// SPDX-License-Identifier: Apache-2.0
#pragma once
#include "run.hpp"
#include "runs.hpp"

template <class Backbone>
int run_head(const Job& job) {
  peft::require(job.options.sites.empty(), "--sites ", job.options.sites, ": --method head trains the head alone");
  return run<Backbone>(job, peft::Method<>{}, "head only");
}
