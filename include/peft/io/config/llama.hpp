// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <filesystem>
#include <string>
#include <string_view>

#include <peft/core/inline.hpp>
#include <peft/io/llama_config.hpp>

namespace peft {

/// Reads the text of the config.json of Llama, Qwen2 or Mistral; `where` names it in errors. Throws Error naming the
/// key for another model, for a value of the wrong type, and for one that no model can have.
LlamaConfig parse_llama_config(std::string_view text, const std::string& where);

/// Reads a config.json, or the one in a model folder.
LlamaConfig read_llama_config(const std::filesystem::path& path);

}  // namespace peft

#ifndef PEFT_SEPARATE
#include <peft/io/config/llama.ipp>
#endif
