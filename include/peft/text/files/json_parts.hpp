// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstddef>
#include <cstdint>
#include <limits>
#include <peft/core/error.hpp>
#include <peft/io/json.hpp>
#include <peft/io/json_fields.hpp>
#include <string>
#include <string_view>
#include <vector>

/// What the readers of tokenizer.json's parts share.
namespace peft::tokenizer_json {

inline constexpr std::int64_t largest_id = std::numeric_limits<std::int32_t>::max() - 1;

inline std::int32_t id_in(const JsonFields& fields, const std::string& key) {
  return static_cast<std::int32_t>(fields.integer(key, 0, largest_id));
}

inline JsonFields child(const JsonFields& fields, const std::string& key) {
  return {fields.at(key), cat(fields.where(), ": ", key)};
}

inline const nlohmann::json& array_in(const JsonFields& fields, const std::string& key) {
  if (!fields.at(key).is_array()) fields.refuse(key, "an array");
  return fields.at(key);
}

/// Throws: the part is of a type that is none of `known`.
[[noreturn]] inline void refuse_type(const JsonFields& fields, std::string_view known) {
  fail(fields.where(), " is of type \"", fields.text("type"), "\", which cannot be read; known are ", known);
}

/// Each is done for every text.
inline constexpr std::size_t most_steps = 100;

// Appends the part, or what it is a sequence of.
inline void append_steps(const JsonFields& part, const std::string& members, std::vector<JsonFields>& out) {
  if (part.text("type") != "Sequence") {
    require(out.size() < most_steps, part.where(), ": more than ", most_steps, " steps; a tokenizer has a few");
    return out.push_back(part);
  }
  std::size_t i = 0;
  for (const auto& value : array_in(part, members))
    append_steps(JsonFields(value, cat(part.where(), ": ", members, '[', i++, ']')), members, out);
}

/// The steps of `root[key]`: itself, or the `members` of a Sequence, those of sequences in it too; none for null.
inline std::vector<JsonFields> steps_of(const JsonFields& root, const std::string& key, const std::string& members) {
  std::vector<JsonFields> out;
  if (root.find(key) != nullptr) append_steps(child(root, key), members, out);
  return out;
}

}  // namespace peft::tokenizer_json
