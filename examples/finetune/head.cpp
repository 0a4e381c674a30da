// SPDX-License-Identifier: Apache-2.0
#include "methods.hpp"
#include "run.hpp"

namespace {

int run_head(const Job& job) {
  peft::require(job.options.sites.empty(), "--sites ", job.options.sites, ": --method head trains the head alone");
  return run(job, peft::Method<>{}, "head only");
}

const Entry head_entry("head", "the task's head alone", 1e-3, run_head);

}  // namespace
