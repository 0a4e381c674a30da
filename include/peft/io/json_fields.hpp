// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cmath>
#include <cstdint>
#include <limits>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <peft/core/error.hpp>

namespace peft {

/// A value as an error message shows it: short, and printable whatever the bytes.
inline std::string shown(const nlohmann::json& value) {
  if (value.is_structured())
    return cat("an ", value.type_name(), value.is_array() ? " of " : " with ", value.size(),
               value.is_array() ? " values" : " keys");
  const std::string text = value.dump(-1, ' ', true, nlohmann::json::error_handler_t::replace);
  return text.size() > 80 ? text.substr(0, 77) + "..." : text;
}

/// Typed reading of a JSON object's keys. `where` names the document in errors; a key whose value is null counts as
/// missing, as in the files of Python libraries. Keeps a reference to the object.
class JsonFields {
 public:
  JsonFields(const nlohmann::json& object, std::string where) : object_(object), where_(std::move(where)) {
    require(object_.is_object(), where_, ": a JSON object was expected, found ", object_.type_name());
  }

  /// The value of `key`, or nullptr when it is missing or null.
  const nlohmann::json* find(std::string_view key) const {
    const auto found = object_.find(key);
    return found == object_.end() || found->is_null() ? nullptr : &*found;
  }

  /// Whether the key is there, if only with null, where that makes a difference.
  bool given(std::string_view key) const { return object_.contains(key); }

  /// The value of `key`; throws when it is missing or null.
  const nlohmann::json& at(std::string_view key) const {
    const auto* value = find(key);
    if (value == nullptr) fail(where_, ": the key \"", key, "\" is missing");
    return *value;
  }

  /// An integer in [low, high]; `missing` (when given) stands for a missing key.
  std::int64_t integer(std::string_view key, std::int64_t low, std::int64_t high,
                       std::optional<std::int64_t> missing = std::nullopt) const {
    if (missing && find(key) == nullptr) return *missing;
    const auto& value = at(key);
    if (!value.is_number_integer()) refuse(key, "an integer");
    const bool above = value.is_number_unsigned() && value.get<std::uint64_t>() > static_cast<std::uint64_t>(high);
    if ((high >= 0 && above) || value.get<std::int64_t>() < low || (!above && value.get<std::int64_t>() > high))
      refuse(key, cat("an integer from ", low, " to ", high));
    return value.get<std::int64_t>();
  }

  /// A number (an integer will do) in [low, high].
  double number(std::string_view key, double low, double high, std::optional<double> missing = std::nullopt) const {
    if (missing && find(key) == nullptr) return *missing;
    const auto& value = at(key);
    if (!value.is_number()) refuse(key, "a number");
    const double result = value.get<double>();
    if (!(result >= low && result <= high)) refuse(key, cat("a number from ", low, " to ", high));
    return result;
  }

  bool boolean(std::string_view key, bool missing) const {
    const auto* value = find(key);
    if (value == nullptr) return missing;
    if (!value->is_boolean()) refuse(key, "true or false");
    return value->get<bool>();
  }

  std::string text(std::string_view key, std::optional<std::string> missing = std::nullopt) const {
    if (missing && find(key) == nullptr) return *std::move(missing);
    const auto& value = at(key);
    if (!value.is_string()) refuse(key, "a string");
    return value.get<std::string>();
  }

  /// A list of strings; empty when the key is missing.
  std::vector<std::string> texts(std::string_view key) const {
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

  /// Throws: the value of `key` is not what was `expected`.
  [[noreturn]] void refuse(std::string_view key, std::string_view expected) const {
    const auto* value = find(key);
    fail(where_, ": \"", key, "\" is ", value == nullptr ? std::string("missing") : shown(*value), ", expected ",
         expected);
  }

  const std::string& where() const { return where_; }

 private:
  const nlohmann::json& object_;
  std::string where_;
};

}  // namespace peft
