// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <filesystem>
#include <string>

#include <peft/core/inline.hpp>
#include <peft/io/atomic_files.hpp>
#include <peft/io/peft_lora.hpp>

namespace peft {

struct PeftAdapter;

/// LoRA as an adapter. Modules of rank 0 are left out; when all are, one of rank 1 with a zero B is written in their
/// place. Throws Error for sizes that do not fit and modules listed twice.
PeftAdapter adapter_of(const PeftLora& lora);

/// Writes it, alone or as a part of what is saved together; see `adapter_of`, `save_peft` and `stage_peft`.
void save_peft_lora(const std::filesystem::path& folder, const PeftLora& lora);
std::string stage_peft_lora(AtomicFiles& files, const std::filesystem::path& folder, const PeftLora& lora);

}  // namespace peft

#ifndef PEFT_SEPARATE
#include <peft/io/peft_save.ipp>
#endif
