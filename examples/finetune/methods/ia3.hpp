// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <peft/delta/ia3.hpp>
#include <peft/io/peft_ia3.hpp>

#include "../unit/run.hpp"

template <class Backbone>
int run_method(const Job& job) {
  using namespace peft;
  IA3Anywhere method;
  auto& [after, before] = method.deltas;
  after.mask = Key | Value | CrossKey | CrossValue | FusedQkv;
  before.mask = FfnDown;
  if (job.adapter) {
    // An adapter says itself where it sits.
    after.mask = before.mask = Linear | Pooler;
    configure_from(*job.adapter, method);
  }
  return run<Backbone>(job, method, "(IA)^3");
}
