// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstddef>
#include <peft/text/unicode/characters.hpp>
#include <peft/text/unicode/utf8.hpp>
#include <string_view>

/// The regular expressions by which byte-level models cut text into words, written out. Each function gives the end of
/// the match that begins at `at`, which must be inside the text.
namespace peft::known_regex {

using characters::Kind;

inline Kind kind_at(std::string_view text, std::size_t at) { return characters::kind(utf8::next(text, at)); }

// The end of the characters of one kind, at most `most` of them.
inline std::size_t run(std::string_view text, std::size_t at, Kind kind, int most = -1) {
  for (std::size_t next = at; at < text.size() && most != 0; at = next, --most)
    if (characters::kind(utf8::next(text, next)) != kind) break;
  return at;
}

/// \s+(?!\S)|\s+ : spaces, but the last one is left to the word that follows.
inline std::size_t spaces(std::string_view text, std::size_t at) {
  std::size_t last = at, next = at;
  for (std::size_t end = at; end < text.size(); last = end, end = next) {
    next = end;
    if (characters::kind(utf8::next(text, next)) != Kind::Space) return last > at ? last : end;
  }
  return text.size();
}

/// 's|'t|'re|'ve|'m|'ll|'d ; `at` when it is none of them.
inline std::size_t contraction(std::string_view text, std::size_t at, bool any_case) {
  if (text[at] != '\'') return at;
  const std::string_view rest = text.substr(at + 1, 2);
  const auto letter = [&](std::size_t i) {
    if (i >= rest.size()) return '\0';
    return any_case && rest[i] >= 'A' && rest[i] <= 'Z' ? static_cast<char>(rest[i] + 32) : rest[i];
  };
  const char a = letter(0), b = letter(1);
  if (a == 's' || a == 't' || a == 'm' || a == 'd') return at + 2;
  if ((b == 'e' && (a == 'r' || a == 'v')) || (a == 'l' && b == 'l')) return at + 3;
  return any_case && rest == "\xC5\xBF" ? at + 3 : at;  // the long s
}

/// GPT-2: 's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+
inline std::size_t gpt2(std::string_view text, std::size_t at) {
  if (const std::size_t end = contraction(text, at, false); end > at) return end;
  const std::size_t word = text[at] == ' ' && at + 1 < text.size() ? at + 1 : at;
  const Kind kind = kind_at(text, word);
  return kind == Kind::Space ? spaces(text, at) : run(text, word, kind);
}

/// cl100k, which Llama 3 (three digits) and Qwen2 (one) follow:
/// (?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+
inline std::size_t cl100k(std::string_view text, std::size_t at, int digits) {
  if (const std::size_t end = contraction(text, at, true); end > at) return end;
  const auto line_end = [&](std::size_t i) { return i < text.size() && (text[i] == '\r' || text[i] == '\n'); };
  std::size_t second = at;
  const Kind first = characters::kind(utf8::next(text, second));
  if (first == Kind::Letter) return run(text, at, Kind::Letter);
  if (first == Kind::Number) return run(text, at, Kind::Number, digits);
  if (!line_end(at) && second < text.size() && kind_at(text, second) == Kind::Letter)
    return run(text, second, Kind::Letter);
  const std::size_t marks = text[at] == ' ' && second < text.size() ? second : at;
  if (kind_at(text, marks) == Kind::Other) {
    std::size_t end = run(text, marks, Kind::Other);
    while (line_end(end)) ++end;
    return end;
  }
  for (std::size_t end = run(text, at, Kind::Space); end > at; --end)
    if (line_end(end - 1)) return end;
  return spaces(text, at);
}

/// \w+|[^\w\s]+
inline std::size_t word_or_marks(std::string_view text, std::size_t at) {
  int wanted = -1;  // a word, or marks
  for (std::size_t next = at; at < text.size(); at = next) {
    const char32_t c = utf8::next(text, next);
    const int word = characters::is_word(c);
    if (wanted == -1) wanted = word;
    if (word != wanted || characters::is_space(c)) break;
  }
  return at;
}

/// One character of a class.
template <class Class>
std::size_t one(std::string_view text, std::size_t at, Class&& is) {
  std::size_t next = at;
  return is(utf8::next(text, next)) ? next : at;
}

}  // namespace peft::known_regex
