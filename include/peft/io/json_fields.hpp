// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <peft/core/inline.hpp>

namespace peft {

/// A value as an error message shows it: short, and printable whatever the bytes.
std::string shown(const nlohmann::json& value);

/// Typed reading of a JSON object's keys. `where` names the document in errors; a key whose value is null counts as
/// missing, as in the files of Python libraries. Keeps a reference to the object.
class JsonFields {
 public:
  JsonFields(const nlohmann::json& object, std::string where);

  /// The value of `key`, or nullptr when it is missing or null.
  const nlohmann::json* find(std::string_view key) const;

  /// Whether the key is there, if only with null, where that makes a difference.
  bool given(std::string_view key) const;

  /// The value of `key`; throws when it is missing or null.
  const nlohmann::json& at(std::string_view key) const;

  /// An integer in [low, high]; `missing` (when given) stands for a missing key.
  std::int64_t integer(std::string_view key, std::int64_t low, std::int64_t high,
                       std::optional<std::int64_t> missing = std::nullopt) const;

  /// A number (an integer will do) in [low, high].
  double number(std::string_view key, double low, double high, std::optional<double> missing = std::nullopt) const;

  bool boolean(std::string_view key, bool missing) const;

  std::string text(std::string_view key, std::optional<std::string> missing = std::nullopt) const;

  /// A list of strings; empty when the key is missing.
  std::vector<std::string> texts(std::string_view key) const;

  /// Throws: the value of `key` is not what was `expected`.
  [[noreturn]] void refuse(std::string_view key, std::string_view expected) const;

  const std::string& where() const { return where_; }

 private:
  const nlohmann::json& object_;
  std::string where_;
};

}  // namespace peft

#ifndef PEFT_SEPARATE
#include <peft/io/json_fields.ipp>
#endif
