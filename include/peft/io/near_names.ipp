// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <numeric>
#include <utility>
#include <vector>

#include <peft/core/inline.hpp>
#include <peft/io/near_names.hpp>

namespace peft {

PEFT_INLINE std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 0; i < a.size(); ++i) {
    std::size_t diagonal = std::exchange(row[0], i + 1);
    for (std::size_t j = 0; j < b.size(); ++j) {
      const std::size_t replaced = diagonal + (a[i] != b[j]);
      diagonal = row[j + 1];
      row[j + 1] = std::min({replaced, diagonal + 1, row[j] + 1});
    }
  }
  return row.back();
}

PEFT_INLINE std::string near_names(std::string_view name, std::span<const std::string> names) {
  constexpr std::size_t longest = 256, most = 20000;  // an error message is not worth minutes
  std::vector<std::pair<std::size_t, std::string_view>> near;
  if (name.size() > longest) return "";
  for (const std::string_view other : names.first(std::min(names.size(), most))) {
    if (other.size() > longest) continue;
    const bool part = name.size() > 3 && other.find(name) != other.npos;  // a prefix such as "bert." forgotten
    const bool whole = other.size() > 3 && name.find(other) != name.npos;
    const std::size_t distance = part || whole ? 1 : edit_distance(name, other);
    if (distance <= 2 + name.size() / 4) near.emplace_back(distance, other);
  }
  std::string text;
  for (int i = 0; i < 3 && !near.empty(); ++i) {
    const auto best =
        std::min_element(near.begin(), near.end(), [](const auto& x, const auto& y) { return x.first < y.first; });
    text.append(i == 0 ? "; near names: " : ", ").append(best->second);
    near.erase(best);
  }
  return text;
}

}  // namespace peft
