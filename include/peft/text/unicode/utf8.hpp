// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>

namespace peft::utf8 {

inline constexpr char32_t replacement = 0xFFFD;

// The part of `next` for what is not ASCII, `lead` being the byte before `text[at]`. Not inlined: it is called
// everywhere.
[[gnu::noinline]] inline char32_t after_lead(std::string_view text, std::size_t& at, unsigned lead) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  if (lead < 0xC2 || lead > 0xF4) return replacement;
  const int more = lead < 0xE0 ? 1 : lead < 0xF0 ? 2 : 3;
  // The second byte excludes overlong forms, surrogates and what lies beyond U+10FFFF.
  unsigned low = lead == 0xE0 ? 0xA0 : lead == 0xF0 ? 0x90 : 0x80;
  unsigned high = lead == 0xED ? 0x9F : lead == 0xF4 ? 0x8F : 0xBF;
  char32_t code = lead & (0x3Fu >> more);
  for (int i = 0; i < more; ++i, low = 0x80, high = 0xBF) {
    if (at == text.size() || byte(at) < low || byte(at) > high) return replacement;
    code = code << 6 | (byte(at++) & 0x3Fu);
  }
  return code;
}

/// Takes the code point at `text[at]`, which must exist, and moves `at` past it. Ill-formed bytes give U+FFFD, one for
/// every longest part that could have begun a character (Unicode 15, 3.9), as when Python decodes with
/// errors="replace".
inline char32_t next(std::string_view text, std::size_t& at) {
  const unsigned lead = static_cast<unsigned char>(text[at++]);
  return lead < 0x80 ? lead : after_lead(text, at, lead);
}

/// The code point before `text[end]` in well-formed text; `end` must not be 0.
inline char32_t last_before(std::string_view text, std::size_t end) {
  std::size_t at = end - 1;
  while (at > 0 && (static_cast<unsigned char>(text[at]) & 0xC0) == 0x80) --at;
  return next(text, at);
}

[[gnu::noinline]] inline void append(std::string& out, char32_t code) {
  const auto put = [&](char32_t byte) { out.push_back(static_cast<char>(byte)); };
  if (code < 0x80) return put(code);
  if (code < 0x800) {
    put(0xC0 | code >> 6);
  } else {
    if (code < 0x10000) {
      put(0xE0 | code >> 12);
    } else {
      put(0xF0 | code >> 18);
      put(0x80 | (code >> 12 & 0x3F));
    }
    put(0x80 | (code >> 6 & 0x3F));
  }
  put(0x80 | (code & 0x3F));
}

[[gnu::noinline]] inline bool is_ascii(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}

/// The text with U+FFFD for what is ill-formed.
[[gnu::noinline]] inline std::string repaired(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t at = 0; at < text.size();) append(out, next(text, at));
  return out;
}

/// Characters in well-formed text.
inline std::size_t count(std::string_view text) {
  std::size_t n = 0;
  for (const char c : text) n += (static_cast<unsigned char>(c) & 0xC0) != 0x80;
  return n;
}

}  // namespace peft::utf8
