// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <filesystem>

#include <peft/core/inline.hpp>
#include <peft/io/peft_lora.hpp>

namespace peft {

struct PeftAdapter;

/// LoRA as an adapter. Modules of rank 0 are left out; when all are, one of rank 1 with a zero B is written in their place.
/// Throws Error for sizes that do not fit and modules listed twice.
PeftAdapter adapter_of(const PeftLora& lora);

/// Writes it; see `adapter_of` and `save_peft`.
void save_peft_lora(const std::filesystem::path& folder, const PeftLora& lora);

}  // namespace peft

#ifndef PEFT_SEPARATE
#include <peft/io/peft_save.ipp>
#endif
