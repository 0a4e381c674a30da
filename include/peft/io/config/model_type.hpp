// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <filesystem>
#include <string>

#include <peft/core/inline.hpp>

namespace peft {

/// The model_type in a config.json, or in that of a model folder: "bert", "roberta", "t5", ... Throws Error when there
/// is none.
std::string read_model_type(const std::filesystem::path& path);

}  // namespace peft

#ifndef PEFT_SEPARATE
#include <peft/io/config/model_type.ipp>
#endif
