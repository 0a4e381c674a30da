// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <peft/data/loader.hpp>
#include <peft/data/tokenized.hpp>

namespace peft {

// What loader.hpp promises to units with PEFT_SEPARATE; all others instantiate it themselves.
template class LoaderOf<Tokenized>;

}  // namespace peft
