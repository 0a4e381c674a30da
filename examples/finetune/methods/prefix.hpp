// SPDX-License-Identifier: Apache-2.0
#pragma once
#include "../unit/virtual_rows.hpp"

template <class Backbone>
int run_method(const Job& job) {
  return run_prefix<Backbone>(job, "prefix", peft::Prefix{});
}
