// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <filesystem>
#include <string>
#include <string_view>

#include <peft/core/inline.hpp>
#include <peft/io/bert_config.hpp>

namespace peft {

/// Reads the text of a BERT config.json. `where` names it in errors. Throws Error naming the key for a model of another
/// kind (model_type, positions, decoder), for a value of the wrong type and for one that no model can have.
BertConfig parse_bert_config(std::string_view text, const std::string& where);

/// Reads a config.json, or the one in a model folder.
BertConfig read_bert_config(const std::filesystem::path& path);

}  // namespace peft

#ifndef PEFT_SEPARATE
#include <peft/io/config/bert.ipp>
#endif
