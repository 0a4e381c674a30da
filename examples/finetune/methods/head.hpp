// SPDX-License-Identifier: Apache-2.0
#pragma once
#include "../unit/run.hpp"

template <class Backbone>
int run_method(const Job& job) {
  static_assert(!Backbone::spec.causal,
                "head: a backbone that writes has no head of the task, its words are the checkpoint's own");
  return run<Backbone>(job, peft::Method<>{}, "head only");
}
