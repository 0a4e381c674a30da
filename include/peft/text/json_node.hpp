// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
#include <limits>
#include <nlohmann/json.hpp>
#include <peft/core/error.hpp>
#include <string>
#include <string_view>
#include <utility>

namespace peft {

/// A value inside a JSON document that knows its place ("tokenizer.json: model.vocab"), for errors that say it.
class JsonNode {
 public:
  JsonNode(const nlohmann::json& value, std::string place) : value_(value), place_(std::move(place)) {}

  /// A member of an object is there and not null.
  bool has(const char* key) const { return value_.is_object() && value_.contains(key) && !value_.at(key).is_null(); }

  /// The same, or there and null.
  bool mentions(const char* key) const { return value_.is_object() && value_.contains(key); }

  JsonNode at(const char* key) const {
    require(value_.is_object(), place_, " is ", kind(), ", an object was expected");
    require(value_.contains(key), place_, " has no \"", key, '"');
    return {value_.at(key), join(key)};
  }

  std::string text() const {
    require(value_.is_string(), place_, " is ", kind(), ", a string was expected");
    return value_.get<std::string>();
  }
  std::string text(const char* key, std::string otherwise) const { return has(key) ? at(key).text() : otherwise; }

  bool flag() const {
    require(value_.is_boolean(), place_, " is ", kind(), ", true or false was expected");
    return value_.get<bool>();
  }
  bool flag(const char* key, bool otherwise) const { return has(key) ? at(key).flag() : otherwise; }

  /// A whole number between 0 and 2^31 - 2.
  std::int32_t count() const {
    constexpr std::uint64_t most = std::numeric_limits<std::int32_t>::max() - 1;
    require(value_.is_number_unsigned() && value_.get<std::uint64_t>() <= most, place_, " is ",
            value_.is_number() ? value_.dump() : kind(), ", a whole number from 0 to ", most, " was expected");
    return static_cast<std::int32_t>(value_.get<std::uint64_t>());
  }

  /// Calls `use(key, JsonNode)` for the members of an object.
  template <class F>
  void for_each_member(F&& use) const {
    require(value_.is_object(), place_, " is ", kind(), ", an object was expected");
    for (auto member = value_.begin(); member != value_.end(); ++member)
      use(member.key(), JsonNode(member.value(), join(member.key())));
  }

  /// Calls `use(JsonNode)` for the elements of an array.
  template <class F>
  void for_each_element(F&& use) const {
    require(value_.is_array(), place_, " is ", kind(), ", an array was expected");
    for (std::size_t i = 0; i < value_.size(); ++i) use(JsonNode(value_[i], cat(place_, '[', i, ']')));
  }

  bool is_text() const { return value_.is_string(); }
  const std::string& place() const { return place_; }

 private:
  std::string kind() const {
    return value_.is_null() ? "null" : value_.is_object() || value_.is_array() ? cat("an ", value_.type_name())
                                                                               : cat("a ", value_.type_name());
  }
  std::string join(std::string_view key) const { return cat(place_, place_.ends_with(": ") ? "" : ".", key); }

  const nlohmann::json& value_;
  std::string place_;
};

}  // namespace peft
