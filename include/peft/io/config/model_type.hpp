// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <filesystem>
#include <string>
#include <string_view>

#include <peft/io/config/fields.hpp>

namespace peft {

/// The model_type in a config.json, or in that of a model folder: "bert", "roberta", "t5", ... Throws Error when there
/// is none.
inline std::string read_model_type(const std::filesystem::path& path) {
  return config_reader::read_file(path, [](std::string_view text, const std::string& where) {
    const auto document = parse_json(text, where);
    return JsonFields(document, where).text("model_type");
  });
}

}  // namespace peft
