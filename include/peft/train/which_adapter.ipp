// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <set>

#include <peft/core/error.hpp>
#include <peft/core/inline.hpp>
#include <peft/train/which_adapter.hpp>

namespace peft {

PEFT_INLINE std::vector<int> WhichAdapter::met(int sequences, int together) const {
  if (each_.empty()) return {all_};
  require(each_.size() == static_cast<std::size_t>(sequences), each_.size(), " numbers of adapters for ", sequences,
          " sequences; each wants one");
  for (int s = 0; s < sequences; ++s)
    require(of(s) == of(s - s % together), "sequence ", s, " runs with adapter ", of(s),
            ", and the example it belongs to with ", of(s - s % together),
            "; all sequences of an example run with one");
  const std::set<int> numbers(each_.begin(), each_.end());
  return {numbers.begin(), numbers.end()};
}

PEFT_INLINE std::vector<int> WhichAdapter::cut(const std::vector<int>& groups) const {
  if (each_.empty()) return groups;
  std::vector<int> cuts{0};
  for (std::size_t g = 1; g < groups.size(); ++g)
    for (int s = groups[g - 1] + 1; s <= groups[g]; ++s)
      if (s == groups[g] || of(s) != of(s - 1)) cuts.push_back(s);
  return cuts;
}

}  // namespace peft
