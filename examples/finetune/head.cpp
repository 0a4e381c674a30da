// SPDX-License-Identifier: Apache-2.0
#include "methods.hpp"
#include "run.hpp"

namespace {

int run_it(const Job& job) {
  peft::require(job.options.sites.empty(), "--sites ", job.options.sites, ": --method head trains the head alone");
  return run(job, peft::Method<>{}, "head only");
}

const Entry entry("head", "the task's head alone", 1e-3, run_it);

}  // namespace
