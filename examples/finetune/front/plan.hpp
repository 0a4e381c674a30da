// SPDX-License-Identifier: Apache-2.0
#pragma once
#include "command_line.hpp"
#include "families.hpp"
#include "methods.hpp"

/// A run as far as it can be looked at without a model.
struct Plan {
  Options options;
  std::set<std::string> given;         // options that the command line names
  const FamilyInfo* family = nullptr;  // of the checkpoint that --model names
  const MethodInfo* method = nullptr;
};

/// Reads what --model names. Throws peft::Error where it is no checkpoint that this program can train.
Plan plan_of(CommandLine line);
