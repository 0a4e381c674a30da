// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <peft/core/inline.hpp>
#include <peft/report/width.hpp>

namespace peft::report {

PEFT_INLINE int code_width(char32_t c) {
  const auto in = [c](char32_t low, char32_t high) { return low <= c && c <= high; };
  if (in(0x300, 0x36F) || in(0x200B, 0x200F) || in(0x20D0, 0x20FF) || in(0xFE00, 0xFE0F) || c == 0xFEFF) return 0;
  const bool wide = in(0x1100, 0x115F) || in(0x2E80, 0xA4CF) || in(0xAC00, 0xD7A3) || in(0xF900, 0xFAFF) ||
                    in(0xFE30, 0xFE6F) || in(0xFF00, 0xFF60) || in(0xFFE0, 0xFFE6) || in(0x1F300, 0x1FAFF) ||
                    in(0x20000, 0x3FFFD);
  return wide ? 2 : 1;
}

PEFT_INLINE Utf8 next_utf8(std::string_view text) {
  const auto lead = static_cast<unsigned char>(text.front());
  if (lead < 0x80) return {1, lead};
  std::size_t bytes = 4;
  if (lead < 0xE0)
    bytes = 2;
  else if (lead < 0xF0)
    bytes = 3;
  if (lead < 0xC0 || lead >= 0xF8 || bytes > text.size()) return {1, 0xFFFD};
  char32_t code = lead & (0xFFu >> (bytes + 1));
  for (std::size_t i = 1; i < bytes; ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    if ((byte & 0xC0) != 0x80) return {1, 0xFFFD};
    code = (code << 6) | (byte & 0x3F);
  }
  return {bytes, code};
}

PEFT_INLINE std::size_t width(std::string_view text) {
  std::size_t columns = 0;
  while (!text.empty()) {
    const Utf8 c = next_utf8(text);
    columns += static_cast<std::size_t>(code_width(c.code));
    text.remove_prefix(c.bytes);
  }
  return columns;
}

PEFT_INLINE std::string clip(std::string_view text, std::size_t columns) {
  std::size_t used = 0, bytes = 0;
  while (bytes < text.size()) {
    const Utf8 c = next_utf8(text.substr(bytes));
    used += static_cast<std::size_t>(code_width(c.code));
    if (used > columns) break;
    bytes += c.bytes;
  }
  return std::string(text.substr(0, bytes));
}

}  // namespace peft::report
