// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include <peft/core/inline.hpp>

namespace peft {

/// Parses one JSON document from a source that is not trusted. `where` names it in errors, usually a file.
/// Throws Error with the byte offset for anything but strict JSON in UTF-8: also for keys that appear twice, nesting
/// beyond 100 levels and numbers beyond a double's range.
nlohmann::json parse_json(std::string_view text, std::string_view where);

/// The keys of the object that is one member of a document which parse_json takes, in the order of the text: its objects do not keep it.
std::vector<std::string> keys_of_member(std::string_view text, std::string_view member);

/// The JSON document in a file; errors name it.
nlohmann::json parse_json_file(const std::filesystem::path& path);

/// The text of a document we wrote ourselves; `indent` spaces per level, or one line for -1.
/// Throws Error when a string is not UTF-8 (`where` says which file was to be written).
std::string to_text(const nlohmann::json& document, int indent, std::string_view where);

}  // namespace peft

#ifndef PEFT_SEPARATE
#include <peft/io/json.ipp>
#endif
