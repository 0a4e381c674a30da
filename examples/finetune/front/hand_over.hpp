// SPDX-License-Identifier: Apache-2.0
#pragma once
#include "plan.hpp"

/// Becomes the unit that holds the plan's method for its family: the process stays the same, so signals and the exit
/// status are that program's. Its arguments are the method, the family, and options as arguments_of gives them. Where
/// the environment names a builder, FINETUNE_BUILD, that has the unit made first. Returns only by peft::Error.
[[noreturn]] void hand_over(const Plan& plan);
