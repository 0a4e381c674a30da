// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstddef>
#include <peft/text/normalize/unicode_form.hpp>
#include <peft/text/unicode/characters.hpp>
#include <peft/text/unicode/utf8.hpp>
#include <string>
#include <string_view>
#include <utility>

namespace peft {

/// BERT's normaliser, each step optional, in this order (Devlin et al. 2019, the uncased models have all of them).
struct BertNormalizer {
  bool clean_text = true;            // drop control characters and U+FFFD, make every space ' '
  bool handle_chinese_chars = true;  // a space before and after each CJK character
  bool strip_accents = true;         // canonical decomposition (NFD), then drop category Mn
  bool lowercase = true;             // character by character, without context

  /// The normal form as well-formed UTF-8. Ill-formed bytes count as U+FFFD.
  std::string operator()(std::string_view text) const {
    const bool ascii = utf8::is_ascii(text);
    std::string out;
    out.reserve(text.size() + text.size() / 4);
    for (std::size_t at = 0; at < text.size();) {
      char32_t c = ascii ? static_cast<char32_t>(text[at++]) : utf8::next(text, at);
      if (clean_text) {
        if (c == 0 || c == utf8::replacement || characters::is_control(c)) continue;
        if (characters::is_space(c)) c = ' ';
      }
      if (ascii) {
        out.push_back(static_cast<char>(lowercase && c >= 'A' && c <= 'Z' ? c + 32 : c));
      } else if (handle_chinese_chars && characters::is_cjk(c)) {
        out.push_back(' ');
        utf8::append(out, c);
        out.push_back(' ');
      } else {
        utf8::append(out, c);
      }
    }
    if (!ascii && (strip_accents || lowercase)) strip_and_lower(out);
    return out;
  }

 private:
  void strip_and_lower(std::string& text) const {
    const std::string all = strip_accents ? UnicodeForm()(text) : std::move(text);
    text.clear();
    for (std::size_t at = 0; at < all.size();) {
      const char32_t c = utf8::next(all, at);
      if (strip_accents && characters::is_nonspacing_mark(c)) continue;
      if (lowercase)
        characters::for_each_lower(c, [&](char32_t lower) { utf8::append(text, lower); });
      else
        utf8::append(text, c);
    }
  }
};

}  // namespace peft
