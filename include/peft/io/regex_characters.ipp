// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstddef>
#include <cstdio>
#include <optional>
#include <peft/core/error.hpp>
#include <peft/core/inline.hpp>
#include <peft/io/regex_characters.hpp>
#include <peft/io/regex_classes.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace peft {

namespace regex_characters {

constexpr int deepest_class = 100;  // classes inside classes

PEFT_INLINE bool is_digit(char c) { return c >= '0' && c <= '9'; }
PEFT_INLINE bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

PEFT_INLINE std::string escaped(char32_t code) {
  char text[16];
  std::snprintf(text, sizeof text, "\\x{%X}", static_cast<unsigned>(code));
  return text;
}

}  // namespace regex_characters

PEFT_INLINE void RegexCharacters::stop(const std::string& reason) const {
  fail(where_, ": the pattern \"", pattern_, "\" ", reason, ", at character ", at_);
}

PEFT_INLINE bool RegexCharacters::accept(std::string_view text) {
  const bool found = pattern_.substr(at_).starts_with(text);
  if (found) at_ += text.size();
  return found;
}

PEFT_INLINE char RegexCharacters::take() {
  if (ended()) stop("ends too early");
  return pattern_[at_++];
}

// Of what is behind "[".
PEFT_INLINE std::string RegexCharacters::character_class(int depth) {
  if (depth > regex_characters::deepest_class) stop("nests its classes too deeply");
  const bool negated = accept("^");
  std::vector<Set> all(1);
  for (bool first = true; first || !next_is(']'); first = false) {
    if (!python_ && accept("&&"))
      all.emplace_back();
    else
      members(all.back(), depth);
  }
  ++at_;
  for (const Set& set : all)
    if (set.items.empty() && set.others.empty()) stop("has an empty set of characters");
  if (all.size() == 1) return one_of(all.front(), negated);
  std::string out;
  for (std::size_t i = 0; i + 1 < all.size(); ++i) out += "(?=" + one_of(all[i], false) + ')';
  out += one_of(all.back(), false);
  return negated ? "(?:(?!" + out + ")(?s:.))" : "(?:" + out + ')';
}

// A character, a range, or another class.
PEFT_INLINE void RegexCharacters::members(Set& set, int depth) {
  if (!python_ && next_is('[')) {
    if (posix_class(set)) return;
    ++at_;
    set.others.push_back(character_class(depth + 1));
    return;
  }
  const auto low = member(set);
  if (!low && python_ && next_is('-') && !pattern_.substr(at_).starts_with("-]")) stop("has a bad range");
  if (!low) return;
  std::string item = regex_characters::escaped(*low);
  if (next_is('-') && !pattern_.substr(at_).starts_with("-]") &&
      !(!python_ && pattern_.substr(at_).starts_with("-["))) {
    ++at_;
    Set none;
    const auto high = member(none);
    if (!high || *high < *low) stop("has a bad range");
    item += '-' + regex_characters::escaped(*high);
  }
  set.items += item;
}

PEFT_INLINE bool RegexCharacters::posix_class(Set& set) {
  const std::string_view rest = pattern_.substr(at_);
  const std::size_t end = rest.find(":]");
  if (!rest.starts_with("[:") || end == rest.npos || rest.substr(2, end - 2).find_first_of("[]\\") != rest.npos)
    return false;
  std::string_view name = rest.substr(2, end - 2);
  const bool negated = name.starts_with('^');
  if (negated) name.remove_prefix(1);
  const auto items = regex_classes::named(name);
  if (!items) stop(cat("uses the class [:", name, ":], which is not supported"));
  add(set, items->items, negated != items->negated);
  at_ += end + 2;
  return true;
}

// The next character; nothing for a class, which is added to the set.
PEFT_INLINE std::optional<char32_t> RegexCharacters::member(Set& set) {
  if (next_is('\\')) {
    ++at_;
    const char c = take();
    if (class_escape(c, set)) return std::nullopt;
    if (c == 'b') return 8;
    return character_escape(c);
  }
  return character();
}

// \d and its like, and properties, added to the set.
PEFT_INLINE bool RegexCharacters::class_escape(char letter, Set& set) {
  if (!python_ && (letter == 'p' || letter == 'P')) return property(letter == 'P', set), true;
  const bool negated = letter < 'a';
  switch (letter | 32) {
    case 'd': return add(set, regex_classes::category("Nd"), negated), true;
    case 's': return add(set, python_ ? regex_classes::python_space : regex_classes::space, negated), true;
    case 'w': return add(set, python_ ? "_\\p{L}\\p{N}" : regex_classes::named("word")->items, negated), true;
    case 'h':
      if (python_) return false;
      return add(set, "0-9A-Fa-f", negated), true;
    default: return false;
  }
}

// {name}, or {^name}.
PEFT_INLINE void RegexCharacters::property(bool negated, Set& set) {
  if (!accept("{")) stop("has a \\p without the name of a property in braces");
  if (accept("^")) negated = !negated;
  const std::size_t begin = at_;
  while (take() != '}') {
  }
  const std::string_view name = pattern_.substr(begin, at_ - 1 - begin);
  const auto items = regex_classes::named(name);
  if (!items) stop(cat("uses the property \"", name, "\", which is not supported"));
  add(set, items->items, negated != items->negated);
}

// The character that an escape stands for which is none of a class or place.
PEFT_INLINE char32_t RegexCharacters::character_escape(char letter) {
  switch (letter) {
    case 'a': return 7;
    case 'f': return 0xC;
    case 'n': return 0xA;
    case 'r': return 0xD;
    case 't': return 9;
    case 'v': return 0xB;
    case 'e':
      if (!python_) return 0x1B;
      break;
    case 'x':
      if (!python_ && accept("{")) {
        const char32_t code = number(16, 1, 8);
        if (!accept("}")) stop("has a \\x{ without its }");
        return code;
      }
      return number(16, python_ ? 2 : 1, 2);
    case 'u': return number(16, 4, 4);
    case 'U':
      if (python_) return number(16, 8, 8);
      break;
    default:
      if (regex_characters::is_digit(letter)) return --at_, number(8, 1, 3);
      if (!regex_characters::is_letter(letter)) return --at_, character();
  }
  stop(cat("uses \\", letter, ", which is not supported"));
}

PEFT_INLINE char32_t RegexCharacters::number(int base, std::size_t least, std::size_t most) {
  char32_t out = 0;
  std::size_t taken = 0;
  for (; taken < most && !ended(); ++taken, ++at_) {
    const char c = pattern_[at_];
    const int digit = regex_characters::is_digit(c)    ? c - '0'
                      : regex_characters::is_letter(c) ? (c | 32) - 'a' + 10
                                                       : 36;
    if (digit >= base) break;
    out = out * static_cast<char32_t>(base) + static_cast<char32_t>(digit);
  }
  if (taken < least || out > 0x10FFFF || (out >= 0xD800 && out < 0xE000)) stop("has the number of no character");
  return out;
}

PEFT_INLINE char32_t RegexCharacters::character() {
  const auto lead = static_cast<unsigned char>(take());
  if (lead < 0x80) return lead;
  const int more = lead < 0xC0 ? -1 : lead < 0xE0 ? 1 : lead < 0xF0 ? 2 : lead < 0xF8 ? 3 : -1;
  if (more < 0) stop("is not UTF-8");
  char32_t code = lead & (0x3Fu >> more);
  for (int i = 0; i < more; ++i) code = code << 6 | (static_cast<unsigned char>(take()) & 0x3Fu);
  if (code > 0x10FFFF || (code >= 0xD800 && code < 0xE000)) stop("is not UTF-8");
  return code;
}

PEFT_INLINE void RegexCharacters::add(Set& set, const std::string& items, bool negated) {
  if (negated)
    set.others.push_back("[^" + items + ']');
  else
    set.items += items;
}

PEFT_INLINE std::string RegexCharacters::one_of(const Set& set, bool negated) {
  if (set.others.empty()) return (negated ? "[^" : "[") + set.items + ']';
  if (set.others.size() == 1 && set.items.empty() && !negated) return set.others.front();
  std::string out = set.items.empty() ? "" : '[' + set.items + ']';
  for (const std::string& other : set.others) out += (out.empty() ? "" : "|") + other;
  return negated ? "(?:(?!" + out + ")(?s:.))" : "(?:" + out + ')';
}

}  // namespace peft
