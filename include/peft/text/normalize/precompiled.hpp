// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <utf8proc.h>

#include <cstddef>
#include <memory>
#include <peft/text/normalize/charsmap.hpp>
#include <peft/text/unicode/utf8.hpp>
#include <string>
#include <string_view>

namespace peft {

/// SentencePiece's normaliser with compiled rules, in the form that Hugging Face's tokenizers give it: what a reader
/// sees as one character is replaced as a whole when it is short and any beginning of it has a rule, else code point by
/// code point.
struct Precompiled {
  std::shared_ptr<const Charsmap> map;

  std::string operator()(std::string_view text) const {
    constexpr std::size_t longest = 5;  // bytes of what is replaced as a whole
    std::string out;
    out.reserve(text.size() + text.size() / 8);
    for (std::size_t at = 0; at < text.size();) {
      const std::size_t end = grapheme_end(text, at);
      const std::string_view grapheme = text.substr(at, end - at);
      const auto whole = grapheme.size() <= longest ? map->find(grapheme) : std::nullopt;
      if (whole) {
        out += *whole;
        at = end;
      }
      while (at < end) {
        const std::size_t begin = at;
        utf8::next(text, at);
        const std::string_view one = text.substr(begin, at - begin);
        out += map->find(one).value_or(one);
      }
    }
    return out;
  }

 private:
  // Of the extended grapheme cluster (UAX 29) that begins at `at`.
  static std::size_t grapheme_end(std::string_view text, std::size_t at) {
    utf8proc_int32_t state = 0;
    auto last = static_cast<utf8proc_int32_t>(utf8::next(text, at));
    while (at < text.size()) {
      const bool ascii = last < 0x80 && static_cast<unsigned char>(text[at]) < 0x80;
      if (ascii) return last == '\r' && text[at] == '\n' ? at + 1 : at;
      std::size_t next = at;
      const auto code = static_cast<utf8proc_int32_t>(utf8::next(text, next));
      if (utf8proc_grapheme_break_stateful(last, code, &state)) return at;
      last = code;
      at = next;
    }
    return at;
  }
};

}  // namespace peft
