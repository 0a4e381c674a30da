// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <peft/testing/checked_modules.hpp>

namespace peft::testing {

// What checked_modules.hpp promises to units with PEFT_SEPARATE; all others instantiate it themselves.
template class CheckedModules<Host>;

}  // namespace peft::testing
