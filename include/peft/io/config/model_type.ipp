// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <string_view>

#include <peft/io/config/fields.hpp>
#include <peft/io/config/model_type.hpp>

namespace peft {

PEFT_INLINE std::string read_model_type(const std::filesystem::path& path) {
  return config_reader::read_file(path, [](std::string_view text, const std::string& where) {
    const auto document = parse_json(text, where);
    return JsonFields(document, where).text("model_type");
  });
}

}  // namespace peft
