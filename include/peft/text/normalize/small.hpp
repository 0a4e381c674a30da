// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstddef>
#include <peft/text/unicode/byte_alphabet.hpp>
#include <peft/text/unicode/characters.hpp>
#include <peft/text/unicode/utf8.hpp>
#include <string>
#include <string_view>

/// Normalisers that work character by character, or on the ends alone. They take well-formed UTF-8.
namespace peft {

struct Lowercase {
  std::string operator()(std::string_view text) const {
    std::string out;
    for (std::size_t at = 0; at < text.size();)
      characters::for_each_lower(utf8::next(text, at), [&](char32_t c) { utf8::append(out, c); });
    return out;
  }
};

/// Removes combining marks; composed characters stay.
struct StripAccents {
  std::string operator()(std::string_view text) const {
    std::string out;
    for (std::size_t at = 0; at < text.size();)
      if (const char32_t c = utf8::next(text, at); !characters::is_mark(c)) utf8::append(out, c);
    return out;
  }
};

/// Strips spaces from the ends.
struct Strip {
  bool left = true, right = true;

  std::string operator()(std::string_view text) const {
    std::size_t begin = 0, end = text.size();
    for (std::size_t at = 0; left && at < text.size(); begin = at)
      if (!characters::is_space(utf8::next(text, at))) break;
    while (right && end > begin && characters::is_space(utf8::last_before(text, end))) do
        --end;
      while ((static_cast<unsigned char>(text[end]) & 0xC0) == 0x80);
    return std::string(text.substr(begin, end - begin));
  }
};

/// Prepends a string to a text that is not empty.
struct Prepend {
  std::string content;

  std::string operator()(std::string_view text) const {
    return text.empty() ? std::string() : content + std::string(text);
  }
};

/// The cleaning before SentencePiece's `nmt` rules: control characters go, what separates or has no width is a space.
struct NmtCleaning {
  std::string operator()(std::string_view text) const {
    std::string out;
    for (std::size_t at = 0; at < text.size();) {
      const char32_t c = utf8::next(text, at);
      if ((c >= 1 && c <= 8) || c == 0xB || (c >= 0xE && c <= 0x1F) || c == 0x7F || c == 0x8F || c == 0x9F) continue;
      const bool space = c == 9 || c == 0xA || c == 0xC || c == 0xD || c == 0x1680 || (c >= 0x200B && c <= 0x200F) ||
                         c == 0x2028 || c == 0x2029 || c == 0x2581 || c == 0xFEFF || c == utf8::replacement;
      utf8::append(out, space ? U' ' : c);
    }
    return out;
  }
};

/// Every byte as a visible character.
struct ByteCharacters {
  std::string operator()(std::string_view text) const {
    std::string out;
    byte_alphabet::append(out, text);
    return out;
  }
};

}  // namespace peft
