// SPDX-License-Identifier: Apache-2.0
// What the build compiles once for all units of a program.
#include <peft/source.hpp>
