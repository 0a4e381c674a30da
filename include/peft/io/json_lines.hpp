// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstddef>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include <peft/core/inline.hpp>

namespace peft {

/// Reads JSON lines: an object on every line, empty lines aside. The values of its keys are kept as text, numbers as
/// they are spelled. Throws Error naming the line for what is no object in strict JSON, a key that appears twice, and
/// more than 1000 keys in all.
class JsonLines {
 public:
  struct Field {
    std::string text;
    const char* lacks = nullptr;  // why there is no text: "is null", "is a list", ...
  };

  /// `text` must outlive the reader; `name` is for messages.
  JsonLines(std::string_view text, std::string name);

  /// Takes the next object; false at the end.
  bool next();

  std::size_t line() const { return line_; }                        ///< of the object, from 1
  const std::vector<std::string>& names() const { return names_; }  ///< the keys of all objects so far
  const std::vector<Field>& fields() const { return fields_; }      ///< the object's values, in the order of `names`

 private:
  friend struct JsonLineEvents;
  static constexpr char absent[] = "is not there";
  Field& field(const std::string& key);
  [[noreturn]] void stop(std::string_view what) const;

  std::string_view rest_;
  std::string file_;
  std::size_t line_ = 0;
  std::vector<std::string> names_;
  std::vector<Field> fields_;
  std::map<std::string, std::size_t, std::less<>> numbers_;
};

}  // namespace peft

#ifndef PEFT_SEPARATE
#include <peft/io/json_lines.ipp>
#endif
