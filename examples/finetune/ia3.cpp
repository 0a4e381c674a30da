// SPDX-License-Identifier: Apache-2.0
#include <peft/delta/ia3.hpp>
#include <peft/io/peft_ia3.hpp>

#include "methods.hpp"
#include "run.hpp"

namespace {

int run_ia3(const Job& job) {
  using namespace peft;
  require(job.options.sites.empty(), "--sites ", job.options.sites, ": --method ia3 sits on attn.k, attn.v and ff.down");
  IA3 method;
  if (job.adapter) configure_from(*job.adapter, method);
  return run(job, method, "(IA)^3");
}

const Entry ia3_entry("ia3", "(IA)^3: keys, values and inner activations rescaled", 5e-3, run_ia3);

}  // namespace
