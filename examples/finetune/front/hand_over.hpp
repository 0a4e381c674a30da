// SPDX-License-Identifier: Apache-2.0
#pragma once
#include "plan.hpp"

/// Becomes the program that runs the plan: the process stays the same, so signals and the exit status are that
/// program's. Its arguments are the method, the family, and options as arguments_of gives them. Returns only by
/// peft::Error.
[[noreturn]] void hand_over(const Plan& plan);
