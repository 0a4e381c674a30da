// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <peft/text/unicode/utf8.hpp>
#include <string>
#include <string_view>

/// GPT-2's alphabet of bytes (Radford et al. 2019): each byte is a visible character, its own where Latin-1 has one,
/// else one from U+0100 on.
namespace peft::byte_alphabet {

inline char32_t character(unsigned char byte) {
  if ((byte >= 33 && byte <= 126) || (byte >= 161 && byte != 173)) return byte;
  if (byte <= 32) return 0x100u + byte;
  return byte == 173 ? 0x143u : 0x121u + (byte - 127u);
}

/// The byte that a character stands for; -1 when it is none of the alphabet.
inline int byte(char32_t c) {
  if (c >= 0x100 && c <= 0x120) return static_cast<int>(c - 0x100);
  if (c >= 0x121 && c <= 0x142) return static_cast<int>(c - 0x121 + 127);
  if (c == 0x143) return 173;
  return c < 0x100 && character(static_cast<unsigned char>(c)) == c ? static_cast<int>(c) : -1;
}

inline void append(std::string& out, std::string_view bytes) {
  for (const char c : bytes) utf8::append(out, character(static_cast<unsigned char>(c)));
}

}  // namespace peft::byte_alphabet
