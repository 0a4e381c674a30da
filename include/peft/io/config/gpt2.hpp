// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <filesystem>
#include <string>
#include <string_view>

#include <peft/core/inline.hpp>
#include <peft/io/gpt2_config.hpp>

namespace peft {

/// Reads the text of a GPT-2 config.json; `where` names it in errors. Throws Error naming the key for another model,
/// for a value of the wrong type, for one that no model can have, and for attention that is scaled in other ways than
/// GPT-2's.
Gpt2Config parse_gpt2_config(std::string_view text, const std::string& where);

/// Reads a config.json, or the one in a model folder.
Gpt2Config read_gpt2_config(const std::filesystem::path& path);

}  // namespace peft

#ifndef PEFT_SEPARATE
#include <peft/io/config/gpt2.ipp>
#endif
