// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <filesystem>
#include <string>
#include <string_view>

#include <peft/core/inline.hpp>
#include <peft/io/roberta_config.hpp>

namespace peft {

/// Reads the text of the config.json of RoBERTa, XLM-RoBERTa or CamemBERT; `where` names it in errors. Throws Error
/// naming the key for another model, for a value of the wrong type and for one that no model can have.
RobertaConfig parse_roberta_config(std::string_view text, const std::string& where);

/// Reads a config.json, or the one in a model folder.
RobertaConfig read_roberta_config(const std::filesystem::path& path);

}  // namespace peft

#ifndef PEFT_SEPARATE
#include <peft/io/config/roberta.ipp>
#endif
