// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace peft {

/// A place in a regular expression of Python or of Oniguruma, and how characters and classes of them are read there,
/// which come out in PCRE2's syntax.
class RegexCharacters {
 protected:
  RegexCharacters(std::string_view pattern, bool python, const std::string& where)
      : pattern_(pattern), where_(where), python_(python) {}

  /// Characters: `items` as in a PCRE2 class, or any of `others`, patterns that match one character each.
  struct Set {
    std::string items;
    std::vector<std::string> others;
  };
  static std::string one_of(const Set& set, bool negated);

  /// Throws Error with the pattern and the place.
  [[noreturn]] void stop(const std::string& reason) const;
  bool ended() const { return at_ == pattern_.size(); }
  bool next_is(char c) const { return !ended() && pattern_[at_] == c; }
  bool accept(std::string_view text);
  char take();

  std::string character_class(int depth);
  bool class_escape(char letter, Set& set);
  char32_t character_escape(char letter);

  std::string_view pattern_;
  const std::string& where_;
  bool python_;
  std::size_t at_ = 0;

 private:
  void members(Set& set, int depth);
  bool posix_class(Set& set);
  std::optional<char32_t> member(Set& set);
  void property(bool negated, Set& set);
  char32_t number(int base, std::size_t least, std::size_t most);
  char32_t character();
  static void add(Set& set, const std::string& items, bool negated);
};

}  // namespace peft

#ifndef PEFT_SEPARATE
#include <peft/io/regex_characters.ipp>
#endif
