// SPDX-License-Identifier: Apache-2.0
#include "methods.hpp"
#include "run.hpp"

int run_head(const Job& job) {
  peft::require(job.options.sites.empty(), "--sites ", job.options.sites, ": --method head trains the head alone");
  return run(job, peft::Method<>{}, "head only", {{"sites", ""}}, 1e-3);
}
