// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <utf8proc.h>

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <peft/io/newer_characters.hpp>
#include <peft/text/unicode/ranges.hpp>
#include <string_view>

/// The classes of characters that the preparation of text tells apart.
namespace peft::characters {

template <std::size_t n>
bool in(const CodeRange (&ranges)[n], char32_t c) {
  const auto* after =
      std::upper_bound(ranges, ranges + n, c, [](char32_t x, const CodeRange& r) { return x < r.first; });
  return after != ranges && c <= (after - 1)->last;
}

/// Unicode's White_Space.
inline bool is_space(char32_t c) {
  if (c < 0x80) return c == ' ' || (c >= 9 && c <= 13);
  return c == 0x85 || c == 0xA0 || c == 0x1680 || (c >= 0x2000 && c <= 0x200A) || c == 0x2028 || c == 0x2029 ||
         c == 0x202F || c == 0x205F || c == 0x3000;
}

/// Other characters (control, format, private use; not the unassigned), except those BERT counts as spaces.
inline bool is_control(char32_t c) {
  if (c < 0x80) return c == 0x7F || (c < 0x20 && c != '\t' && c != '\n' && c != '\r');
  return in(control_ranges, c);
}

/// Unicode's punctuation and every ASCII character that is neither a letter, a digit, a space nor a control character.
inline bool is_punctuation(char32_t c) {
  if (c < 0x80)
    return (c >= '!' && c <= '/') || (c >= ':' && c <= '@') || (c >= '[' && c <= '`') || (c >= '{' && c <= '~');
  return in(punctuation_ranges, c);
}

/// Category Mn: the accents that are left after canonical decomposition.
inline bool is_nonspacing_mark(char32_t c) { return c >= 0x300 && in(nonspacing_mark_ranges, c); }

/// Category M, as the reference's accent stripper knows it.
inline bool is_mark(char32_t c) { return is_nonspacing_mark(c) || (c >= 0x488 && in(other_mark_ranges, c)); }

/// The blocks that BERT sets apart with spaces. The gap before U+2B920 (BERT has U+2B820) is the reference's own.
inline bool is_cjk(char32_t c) {
  return (c >= 0x4E00 && c <= 0x9FFF) || (c >= 0x3400 && c <= 0x4DBF) || (c >= 0xF900 && c <= 0xFAFF) ||
         (c >= 0x20000 && c <= 0x2A6DF) || (c >= 0x2A700 && c <= 0x2B81F) || (c >= 0x2B920 && c <= 0x2CEAF) ||
         (c >= 0x2F800 && c <= 0x2FA1F);
}

/// What the reference's normal forms leave as it is, whatever a newer Unicode says.
inline bool is_inert(char32_t c) { return c >= 0x7FD && in(inert_ranges, c); }

// The category ("Lo") of a character that the reference knows and older tables do not; else "".
inline std::string_view category_of_newer(char32_t c) {
  const auto* after = std::upper_bound(std::begin(newer_characters), std::end(newer_characters), c,
                                       [](char32_t x, const NewerCharacters& r) { return x < r.first; });
  return after != std::begin(newer_characters) && c <= (after - 1)->last ? (after - 1)->category : "";
}

/// What the regular expressions of byte-level models tell apart: \p{L}, \p{N}, \s.
enum class Kind : unsigned char { Letter, Number, Space, Other };

[[gnu::noinline]] inline Kind kind(char32_t c) {
  if (c < 0x80) {
    if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')) return Kind::Letter;
    return c >= '0' && c <= '9' ? Kind::Number : is_space(c) ? Kind::Space : Kind::Other;
  }
  const auto category = utf8proc_category(static_cast<utf8proc_int32_t>(c));
  if (category >= UTF8PROC_CATEGORY_LU && category <= UTF8PROC_CATEGORY_LO) return Kind::Letter;
  if (category >= UTF8PROC_CATEGORY_ND && category <= UTF8PROC_CATEGORY_NO) return Kind::Number;
  if (category == UTF8PROC_CATEGORY_CN) {
    const std::string_view newer = category_of_newer(c);
    return newer.starts_with('L') ? Kind::Letter : newer.starts_with('N') ? Kind::Number : Kind::Other;
  }
  return is_space(c) ? Kind::Space : Kind::Other;
}

inline bool is_number(char32_t c) { return kind(c) == Kind::Number; }

/// A word character in the sense of regular expressions: letter, circled letter, mark, decimal digit, letter number,
/// connector, joiner.
[[gnu::noinline]] inline bool is_word(char32_t c) {
  if (c < 0x80) return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
  const auto category = utf8proc_category(static_cast<utf8proc_int32_t>(c));
  if (category == UTF8PROC_CATEGORY_CN) {
    const std::string_view newer = category_of_newer(c);
    return newer.starts_with('L') || newer.starts_with('M') || newer == "Nd" || newer == "Nl";
  }
  return (category >= UTF8PROC_CATEGORY_LU && category <= UTF8PROC_CATEGORY_NL) || category == UTF8PROC_CATEGORY_PC ||
         c == 0x200C || c == 0x200D || (c >= 0x24B6 && c <= 0x24E9) || (c >= 0x1F130 && c <= 0x1F149) ||
         (c >= 0x1F150 && c <= 0x1F169) || (c >= 0x1F170 && c <= 0x1F189);
}

/// The lower-case form in Unicode's own tables, one character; U+0130 alone has two (see `for_each_lower`).
template <class F>
void for_each_lower(char32_t c, F&& use) {
  if (c < 0x80) return use(c >= 'A' && c <= 'Z' ? c + 32 : c);
  if (c == 0x130) return use(U'i'), use(char32_t{0x307});
  use(static_cast<char32_t>(utf8proc_tolower(static_cast<utf8proc_int32_t>(c))));
}

}  // namespace peft::characters
