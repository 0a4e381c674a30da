// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <peft/delta/prefix.hpp>

#include "job.hpp"

/// The setting init of a prefix.
inline bool begins_at_zero(const Job& job, const peft::Prefix& prefix) {
  return (job.choice("init", prefix.zero ? std::vector<std::string>{"zero", "normal"}
                                         : std::vector<std::string>{"normal", "zero"}) == 0) == prefix.zero;
}
