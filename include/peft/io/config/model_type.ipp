// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <string_view>
#include <system_error>

#include <peft/core/error.hpp>
#include <peft/io/checkpoint.hpp>
#include <peft/io/config/fields.hpp>
#include <peft/io/config/model_type.hpp>

namespace peft {

namespace model_types {

PEFT_INLINE std::string by_classes(const std::vector<std::string>& architectures) {
  for (const std::string& name : architectures)
    for (const auto& [type, start] : classes) {
      if (!name.starts_with(start)) continue;
      const std::string rest = name.substr(start.size());
      if (std::any_of(std::begin(endings), std::end(endings),
                      [&](std::string_view end) { return rest.starts_with(end); }))
        return std::string(type);
    }
  return {};
}

PEFT_INLINE std::string by_tensors(const std::vector<std::string>& names) {
  for (const auto& [type, part] : tensors)
    for (const std::string& name : names)
      if (name.find(part) != std::string::npos) return std::string(type);
  return {};
}

PEFT_INLINE std::string infer(const JsonFields& fields, const std::filesystem::path& path) {
  std::string type = by_classes(fields.texts("architectures"));
  if (!type.empty()) return type;
  std::error_code absent;
  if (std::filesystem::is_directory(path, absent)) try {
      type = by_tensors(Checkpoint::open(path).names());
    } catch (const Error&) {  // no weights to tell by
    }
  if (type == "llama" && fields.given("sliding_window")) type = "mistral";
  if (type.empty())
    fail(
        fields.where(),
        ": \"model_type\" is missing, and neither its architectures nor the names of its tensors tell it; add a line such as \"model_type\": \"bert\"");
  return type;
}

}  // namespace model_types

PEFT_INLINE std::string_view class_of_type(std::string_view model_type) {
  for (const auto& [type, start] : model_types::classes)
    if (type == model_type) return start;
  return {};
}

PEFT_INLINE std::string read_model_type(const std::filesystem::path& path) {
  const auto file = std::filesystem::is_directory(path) ? path / "config.json" : path;
  const auto document = parse_json_file(file);
  const JsonFields fields(document, file.string());
  return fields.find("model_type") != nullptr ? fields.text("model_type") : model_types::infer(fields, path);
}

}  // namespace peft
