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

PEFT_INLINE std::string_view stripped(std::string_view text) {
  constexpr std::string_view around = " \t\r\n\f\v";
  const auto begin = std::min(text.find_first_not_of(around), text.size());
  return text.substr(begin, text.find_last_not_of(around) + 1 - begin);
}

PEFT_INLINE std::string lower_case(std::string_view text) {
  std::string out(text);
  for (char& c : out)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return out;
}

}  // namespace peft
