// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <nlohmann/json.hpp>
#include <utility>

#include <peft/core/error.hpp>
#include <peft/io/json_fields.hpp>

namespace peft {

PEFT_INLINE std::string shown(const nlohmann::json& value) {
  if (value.is_structured())
    return cat("an ", value.type_name(), value.is_array() ? " of " : " with ", value.size(),
               value.is_array() ? " values" : " keys");
  const std::string text = value.dump(-1, ' ', true, nlohmann::json::error_handler_t::replace);
  return text.size() > 80 ? text.substr(0, 77) + "..." : text;
}

PEFT_INLINE JsonFields::JsonFields(const nlohmann::json& object, std::string where)
    : object_(object), where_(std::move(where)) {
  require(object_.is_object(), where_, ": a JSON object was expected, found ", object_.type_name());
}

PEFT_INLINE const nlohmann::json* JsonFields::find(std::string_view key) const {
  const auto found = object_.find(key);
  return found == object_.end() || found->is_null() ? nullptr : &*found;
}

PEFT_INLINE bool JsonFields::given(std::string_view key) const { return object_.contains(key); }

PEFT_INLINE const nlohmann::json& JsonFields::at(std::string_view key) const {
  const auto* value = find(key);
  if (value == nullptr) fail(where_, ": the key \"", key, "\" is missing");
  return *value;
}

PEFT_INLINE std::int64_t JsonFields::integer(std::string_view key, std::int64_t low, std::int64_t high,
                                             std::optional<std::int64_t> missing) const {
  if (missing && find(key) == nullptr) return *missing;
  const auto& value = at(key);
  if (!value.is_number_integer()) refuse(key, "an integer");
  const bool above = value.is_number_unsigned() && value.get<std::uint64_t>() > static_cast<std::uint64_t>(high);
  if ((high >= 0 && above) || value.get<std::int64_t>() < low || (!above && value.get<std::int64_t>() > high))
    refuse(key, cat("an integer from ", low, " to ", high));
  return value.get<std::int64_t>();
}

PEFT_INLINE double JsonFields::number(std::string_view key, double low, double high,
                                      std::optional<double> missing) const {
  if (missing && find(key) == nullptr) return *missing;
  const auto& value = at(key);
  if (!value.is_number()) refuse(key, "a number");
  const double result = value.get<double>();
  if (!(result >= low && result <= high)) refuse(key, cat("a number from ", low, " to ", high));
  return result;
}

PEFT_INLINE bool JsonFields::boolean(std::string_view key, bool missing) const {
  const auto* value = find(key);
  if (value == nullptr) return missing;
  if (!value->is_boolean()) refuse(key, "true or false");
  return value->get<bool>();
}

PEFT_INLINE std::string JsonFields::text(std::string_view key, std::optional<std::string> missing) const {
  if (missing && find(key) == nullptr) return *std::move(missing);
  const auto& value = at(key);
  if (!value.is_string()) refuse(key, "a string");
  return value.get<std::string>();
}

PEFT_INLINE std::vector<std::string> JsonFields::texts(std::string_view key) const {
  std::vector<std::string> result;
  const auto* value = find(key);
  if (value == nullptr) return result;
  if (!value->is_array()) refuse(key, "a list of strings");
  for (const auto& one : *value) {
    if (!one.is_string()) refuse(key, "a list of strings only");
    result.push_back(one.get<std::string>());
  }
  return result;
}

PEFT_INLINE void JsonFields::refuse(std::string_view key, std::string_view expected) const {
  const auto* value = find(key);
  fail(where_, ": \"", key, "\" is ", value == nullptr ? std::string("missing") : shown(*value), ", expected ",
       expected);
}

}  // namespace peft
