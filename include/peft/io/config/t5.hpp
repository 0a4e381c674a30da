// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <filesystem>
#include <string>
#include <string_view>

#include <peft/core/inline.hpp>
#include <peft/io/t5_config.hpp>

namespace peft {

/// Reads the text of a T5 or mT5 config.json; `where` names it in errors. Throws Error naming the key for another
/// model, for a value of the wrong type and for one that no model can have.
T5Config parse_t5_config(std::string_view text, const std::string& where);

/// Reads a config.json, or the one in a model folder.
T5Config read_t5_config(const std::filesystem::path& path);

}  // namespace peft

#ifndef PEFT_SEPARATE
#include <peft/io/config/t5.ipp>
#endif
