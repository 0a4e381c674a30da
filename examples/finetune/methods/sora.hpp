// SPDX-License-Identifier: Apache-2.0
#pragma once
#include "../unit/chosen_sora.hpp"
#include "../unit/run.hpp"

template <class Backbone>
int run_method(const Job& job) {
  ChosenSoRA method = chosen_sora(job);
  auto& lora = std::get<0>(method.deltas).delta;
  const int chosen = job.choice("operator", {"scaled", "constant", "released"});
  const double standard[] = {peft::ScaledByLr::standard, peft::ConstantXi::standard, peft::ReferenceXi::standard};
  lora.gate.xi.chosen = static_cast<ChosenXi::Operator>(chosen);
  lora.gate.strength = job.setting("sparsity", standard[chosen]);
  return run<Backbone>(job, method, peft::cat("SoRA r=", lora.rank));
}
