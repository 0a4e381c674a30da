// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "peft/text/unicode/characters.hpp"
#include "peft/text/unicode/utf8.hpp"

namespace peft::metric {

/// The words of a text as the WMT's mteval-v13a cuts it, which sacrebleu calls "13a": marks are words of their own, but
/// for periods and commas between digits, hyphens not behind a digit, and apostrophes.
namespace words_13a {

inline void replace_all(std::string& text, std::string_view from, std::string_view to) {
  for (std::size_t at = text.find(from); at != text.npos; at = text.find(from, at + to.size()))
    text.replace(at, from.size(), to);
}

inline bool digit(char c) { return c >= '0' && c <= '9'; }
inline bool stop(char c) { return c == '.' || c == ','; }
/// ASCII's marks without ' , - .
inline bool mark(char c) {
  return (c >= '{' && c <= '~') || (c >= '[' && c <= '`') || (c >= ' ' && c <= '&') || (c >= '(' && c <= '+') ||
         (c >= ':' && c <= '@') || c == '/';
}

/// The text with `spell(out, a, b)` for every two characters in a row that `rule(a, b)` takes. As with a regular
/// expression, the second of them begins no other pair.
template <class Rule, class Spell>
std::string each_pair(const std::string& text, Rule rule, Spell spell) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (i + 1 < text.size() && rule(text[i], text[i + 1])) {
      spell(out, text[i], text[i + 1]);
      ++i;
    } else {
      out += text[i];
    }
  }
  return out;
}

inline bool space(char32_t c) { return characters::is_space(c) || (c >= 0x1C && c <= 0x1F); }  // Python's

inline std::string without_end(std::string_view text) {
  std::size_t end = 0;
  for (std::size_t at = 0; at < text.size();)
    if (!space(utf8::next(text, at))) end = at;
  return std::string(text.substr(0, end));
}

inline std::string lower(std::string_view text) {
  std::string out;
  for (std::size_t at = 0; at < text.size();)
    characters::for_each_lower(utf8::next(text, at), [&](char32_t c) { utf8::append(out, c); });
  return out;
}

inline std::vector<std::string> split(std::string_view text) {
  std::vector<std::string> out;
  bool open = false;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t from = at;
    const bool gap = space(utf8::next(text, at));
    if (!gap && !open) out.emplace_back();
    if (!gap) out.back() += text.substr(from, at - from);
    open = !gap;
  }
  return out;
}

/// `lowercase`: before all else, in Unicode's plain mapping (sigma has one lower-case form).
inline std::vector<std::string> words(std::string_view line, bool lowercase) {
  std::string text = without_end(lowercase ? lower(line) : std::string(line));
  for (const auto& [from, to] : {std::pair("<skipped>", ""),
                                 {"-\n", ""},
                                 {"\n", " "},
                                 {"&quot;", "\""},
                                 {"&amp;", "&"},
                                 {"&lt;", "<"},
                                 {"&gt;", ">"}})
    replace_all(text, from, to);
  std::string marked = " ";
  for (const char c : text) {
    if (mark(c))
      marked += {' ', c, ' '};
    else
      marked += c;
  }
  marked += ' ';
  const auto behind = [](std::string& out, char a, char b) { out += {a, ' ', b, ' '}; };
  marked = each_pair(marked, [](char a, char b) { return !digit(a) && stop(b); }, behind);
  marked = each_pair(
      marked, [](char a, char b) { return stop(a) && !digit(b); },
      [](std::string& out, char a, char b) { out += {' ', a, ' ', b}; });
  return split(each_pair(marked, [](char a, char b) { return digit(a) && b == '-'; }, behind));
}

}  // namespace words_13a
}  // namespace peft::metric
