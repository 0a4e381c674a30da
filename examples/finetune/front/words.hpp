// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <string>
#include <string_view>
#include <vector>

/// Names with a space between, as a table's cell holds them.
struct Words {
  std::string_view text;

  constexpr bool contains(std::string_view word) const {
    bool found = false;
    each([&](std::string_view w) { found = found || w == word; });
    return found;
  }
  std::vector<std::string> list() const {
    std::vector<std::string> all;
    each([&](std::string_view w) { all.emplace_back(w); });
    return all;
  }
  constexpr void each(const auto& f) const {
    for (std::size_t begin = 0; begin < text.size();) {
      const std::size_t end = std::min(text.find(' ', begin), text.size());
      if (end > begin) f(text.substr(begin, end - begin));
      begin = end + 1;
    }
  }
};

/// For messages: the items with commas between.
inline std::string listed(const std::vector<std::string>& items) {
  std::string text;
  for (const std::string& item : items) text += (text.empty() ? "" : ", ") + item;
  return text;
}

/// ASCII letters made small: names are taken in any case.
inline std::string lower(std::string text) {
  for (char& c : text)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return text;
}
