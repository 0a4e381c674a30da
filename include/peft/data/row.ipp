// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <cstddef>
#include <peft/core/error.hpp>
#include <peft/core/inline.hpp>
#include <peft/data/row.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace peft {

PEFT_INLINE std::string_view table_text(std::string_view text, const std::string& name) {
  const auto nul = text.find('\0');
  if (nul != text.npos) {
    const auto line = 1 + std::count(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(nul), '\n');
    fail(name, ", line ", line, ": a NUL byte; a text file in UTF-8 was expected (is this UTF-16, or binary?)");
  }
  if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
  return text;
}

PEFT_INLINE std::string quoted(std::string_view text) {
  constexpr std::size_t most = 40;
  std::string out = "\"";
  for (const char c : text.substr(0, most)) out += static_cast<unsigned char>(c) < 0x20 || c == 0x7F ? '?' : c;
  return out + (text.size() > most ? "...\"" : "\"");
}

PEFT_INLINE std::string listed(const std::vector<std::string>& names) {
  constexpr std::size_t most = 20;
  std::string out;
  for (std::size_t i = 0; i < std::min(names.size(), most); ++i) out += cat(i == 0 ? "" : ", ", quoted(names[i]));
  return names.size() > most ? cat(out, ", ... (", names.size(), " in all)") : out;
}

}  // namespace peft
