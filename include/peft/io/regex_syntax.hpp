// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstddef>
#include <optional>
#include <peft/io/regex_characters.hpp>
#include <string>
#include <string_view>

namespace peft {

/// Writes a regular expression of another flavour in PCRE2's. What reads alike and means something else is translated
/// (\h and (?m) of Oniguruma, \Z of Python); classes of characters are written out, as the flavour has them; what has
/// no counterpart, and all that PCRE2 knows beyond, is refused by name.
class RegexSyntax : private RegexCharacters {
 public:
  RegexSyntax(std::string_view pattern, bool python, const std::string& where)
      : RegexCharacters(pattern, python, where) {}

  /// Throws Error, with the place in the pattern.
  std::string translated();

 private:
  static constexpr std::size_t longest_pattern = 1 << 14;
  static constexpr int deepest_group = 100;

  void alternatives(int depth);
  void atom(int depth);
  void group(int depth);
  std::optional<std::string> flags();
  void quantifiers(std::size_t atom);
  std::string interval();
  void escape();
  std::optional<std::string> reference();

  std::string out_;
};

}  // namespace peft

#ifndef PEFT_SEPARATE
#include <peft/io/regex_syntax.ipp>
#endif
