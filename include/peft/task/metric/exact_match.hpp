// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>

#include "peft/task/metric/texts.hpp"

namespace peft::metric {

/// The share of texts equal to one of their references, in [0, 1]; white space around a text does not count.
/// Throws Error when the sizes differ or are 0, or a text has no reference.
inline double exact_match(std::span<const std::string> texts, References references) {
  const auto bare = [](std::string_view text) {
    constexpr std::string_view space = " \t\r\n\v\f";
    const auto begin = std::min(text.find_first_not_of(space), text.size());
    return text.substr(begin, text.find_last_not_of(space) + 1 - begin);
  };
  const std::size_t n = check_texts("exact match", texts, references);
  std::size_t right = 0;
  for (std::size_t i = 0; i < n; ++i)
    right += std::any_of(references[i].begin(), references[i].end(),
                         [&](const std::string& r) { return bare(r) == bare(texts[i]); });
  return static_cast<double>(right) / static_cast<double>(n);
}

}  // namespace peft::metric
