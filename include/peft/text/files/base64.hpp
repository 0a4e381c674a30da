// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstddef>
#include <cstdint>
#include <peft/core/error.hpp>
#include <string>
#include <string_view>

namespace peft {

/// The bytes that base64 stands for (RFC 4648, with padding). Throws Error, naming `where`, for anything else.
inline std::string base64(std::string_view text, std::string_view where) {
  require(text.size() % 4 == 0, where, ": ", text.size(), " characters, base64 has a multiple of four");
  const auto value = [](char c) {
    if (c >= 'A' && c <= 'Z') return c - 'A';
    if (c >= 'a' && c <= 'z') return c - 'a' + 26;
    if (c >= '0' && c <= '9') return c - '0' + 52;
    return c == '+' ? 62 : c == '/' ? 63 : -1;
  };
  const std::size_t padding = text.ends_with("==") ? 2 : text.ends_with('=') ? 1 : 0;
  const std::size_t size = text.size() / 4 * 3 - padding;
  std::string out;
  out.reserve(size);
  std::uint32_t bits = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool padded = i >= text.size() - padding;
    const int six = padded ? 0 : value(text[i]);
    require(six >= 0, where, ": character ", i, " is none of base64");
    bits = bits << 6 | static_cast<std::uint32_t>(six);
    for (int shift = 16; i % 4 == 3 && shift >= 0; shift -= 8)
      if (out.size() < size) out += static_cast<char>(bits >> shift & 0xFF);
  }
  return out;
}

}  // namespace peft
