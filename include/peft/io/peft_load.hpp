// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <filesystem>

#include <peft/core/inline.hpp>
#include <peft/io/peft_lora.hpp>

namespace peft {

struct PeftAdapter;

/// An adapter as LoRA, plain or DoRA: modules in the order of their paths, the tensors of modules saved whole in
/// `head`. Which layers carry a module is what the tensors say (layers_to_transform is not consulted). Throws Error for
/// other adapters, a tensor without its partner, a shape that is not the config's, and a tensor that the config does
/// not account for.
PeftLora lora_of(const PeftAdapter& adapter);

/// Reads a LoRA adapter that PEFT (or save_peft_lora) wrote.
PeftLora load_peft_lora(const std::filesystem::path& folder);

}  // namespace peft

#ifndef PEFT_SEPARATE
#include <peft/io/peft_load.ipp>
#endif
