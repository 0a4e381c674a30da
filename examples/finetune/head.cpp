// SPDX-License-Identifier: Apache-2.0
#include "methods.hpp"
#include "run.hpp"

int run_head(const Job& job) { return run(job, peft::Method<>{}, "head only", {{"sites", ""}}, 1e-3); }
