// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <optional>
#include <span>
#include <string>

#include "plan.hpp"

/// Something that must hold before a run may begin.
struct Check {
  const char* name;
  std::optional<std::string> (*complaint)(const Plan&);  // none: it holds
};

/// In the order in which they are made: what is known by the options alone first, then what looks at files, then what
/// makes some.
std::span<const Check> check_table();

/// Makes all of them; throws peft::Error with the first complaint.
void check(const Plan& plan);
