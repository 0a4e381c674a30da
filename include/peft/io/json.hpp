// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstddef>
#include <filesystem>
#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include <peft/core/inline.hpp>

namespace peft {

/// Tokenizers with the largest vocabularies have 3 million.
inline constexpr std::size_t most_json_values = std::size_t{1} << 23;

/// Parses one JSON document from a source that is not trusted. `where` names it in errors, usually a file.
/// Throws Error with the byte offset for anything but strict JSON in UTF-8: also for keys that appear twice, nesting
/// beyond 100 levels, numbers beyond a double's range, and more than `most` values, of which each takes up to 100 bytes
/// of memory.
nlohmann::json parse_json(std::string_view text, std::string_view where, std::size_t most = most_json_values);

/// Calls `use(key, value)` for the members of the one object that a document must be, in their order, so that no more
/// than one of them is ever in memory. Throws as parse_json, but knows nothing of keys that appear twice; of a member's
/// values there may be 2^20.
void for_each_member(std::string_view text, std::string_view where,
                     const std::function<void(std::string&, nlohmann::json&)>& use);

/// The keys of the object that is one member of a document which parse_json takes, in the order of the text: its
/// objects do not keep it.
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
