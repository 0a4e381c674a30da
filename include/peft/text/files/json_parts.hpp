// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <limits>
#include <peft/core/error.hpp>
#include <peft/io/json.hpp>
#include <peft/io/json_fields.hpp>
#include <string>
#include <string_view>

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

/// Calls `use(JsonFields)` for the members of a Sequence, or for the part itself when it is none.
template <class F>
void for_each_step(const JsonFields& part, const std::string& members, F&& use) {
  if (part.text("type") != "Sequence") return use(part);
  std::size_t i = 0;
  for (const auto& value : array_in(part, members))
    for_each_step(JsonFields(value, cat(part.where(), ": ", members, '[', i++, ']')), members, use);
}

}  // namespace peft::tokenizer_json
