// SPDX-License-Identifier: Apache-2.0
#include <peft/delta/bias.hpp>

#include "methods.hpp"
#include "run.hpp"

namespace {

int run_bitfit(const Job& job) {
  using namespace peft;
  Method<Delta<Bias>> method;
  auto& part = std::get<0>(method.deltas);
  part.mask = job.sites(Linear | Norm | Pooler, Linear | Norm | Pooler);
  return run(job, method, "BitFit");
}

const Entry bitfit_entry("bitfit", "BitFit: the biases", 1e-3, run_bitfit);

}  // namespace
