// SPDX-License-Identifier: Apache-2.0
#include <peft/delta/full.hpp>

#include "methods.hpp"
#include "run.hpp"

namespace {

int run_full(const Job& job) {
  using namespace peft;
  Method<Delta<Full>> method;
  auto& part = std::get<0>(method.deltas);
  part.mask = job.sites(Everything, Everything);
  return run(job, method, "full fine-tuning");
}

const Entry full_entry("full", "every parameter", 5e-5, run_full);

}  // namespace
