// SPDX-License-Identifier: Apache-2.0
#pragma once
// Everything that a program with PEFT_SEPARATE compiles once; core/inline.hpp tells what for.
#ifndef PEFT_SEPARATE
#error "peft/source.hpp is for programs that define PEFT_SEPARATE in every unit"
#endif

#include <peft/io/near_names.ipp>
