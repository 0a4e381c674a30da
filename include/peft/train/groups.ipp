// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>

#include <peft/core/inline.hpp>
#include <peft/train/groups.hpp>

namespace peft {

PEFT_INLINE std::vector<int> cut_groups(std::span<const std::int32_t> offsets, const Grouping& g, int virtual_rows,
                                        int together) {
  const int sequences = static_cast<int>(offsets.size()) - 1, examples = sequences / together;
  const auto end_of = [&](int s) {
    return static_cast<std::int64_t>(offsets[s]) - offsets[0] + std::int64_t(s) * virtual_rows;
  };
  const std::int64_t total = end_of(sequences);
  std::int64_t count = std::max<std::int64_t>((total + g.tokens - 1) / g.tokens, 1);
  count = std::min<std::int64_t>((count + g.multiple - 1) / g.multiple * g.multiple, examples);
  std::vector<int> cuts{0};
  for (int s = together; s < sequences; s += together) {
    // Cut before s when the boundary lies nearer to the next ideal cut than the following one would.
    const std::int64_t ideal = total * static_cast<std::int64_t>(cuts.size()) / std::max<std::int64_t>(count, 1);
    if (static_cast<std::int64_t>(cuts.size()) < count && end_of(s + together) - ideal > ideal - end_of(s))
      cuts.push_back(s);
  }
  cuts.push_back(sequences);
  return cuts;
}

}  // namespace peft
