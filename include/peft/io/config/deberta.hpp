// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <filesystem>
#include <string>
#include <string_view>

#include <peft/core/inline.hpp>
#include <peft/io/deberta_config.hpp>

namespace peft {

/// Reads the text of a DeBERTa-v2 (or v3) config.json; `where` names it in errors. Throws Error naming the key for
/// another model, for a value of the wrong type, for one that no model can have, and for what is not supported: the
/// convolution of the largest v2 checkpoints, embeddings narrower than the layers, the first DeBERTa.
DebertaConfig parse_deberta_config(std::string_view text, const std::string& where);

/// Reads a config.json, or the one in a model folder.
DebertaConfig read_deberta_config(const std::filesystem::path& path);

}  // namespace peft

#ifndef PEFT_SEPARATE
#include <peft/io/config/deberta.ipp>
#endif
