// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <peft/delta/mam.hpp>

#include "../unit/virtual_rows.hpp"

template <class Backbone>
int run_method(const Job& job) {
  using namespace peft;
  MAM<Dynamic> method;
  auto& [prefix, adapter] = method.deltas;
  prefix.delta.length = static_cast<int>(job.setting("length", prefix.delta.length));
  prefix.delta.inner = static_cast<int>(job.setting("inner", prefix.delta.inner));
  prefix.delta.zero = begins_at_zero(job, prefix.delta);
  adapter.delta.width = static_cast<int>(job.setting("width", std::get<1>(MAM<>().deltas).delta.width));
  adapter.delta.scale = job.setting("scale", adapter.delta.scale);
  return run<Backbone>(job, method, cat("MAM, prefix ", prefix.delta.length, ", adapter ", adapter.delta.width));
}
