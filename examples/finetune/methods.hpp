// SPDX-License-Identifier: Apache-2.0
#pragma once
#include "job.hpp"

// One unit each: adding a method is adding a unit and a line to the table in main.cpp.
int run_head(const Job& job);
int run_bitfit(const Job& job);
int run_lora(const Job& job);
int run_sora(const Job& job);
int run_full(const Job& job);
