// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstddef>
#include <peft/core/inline.hpp>
#include <peft/data/pair_dataset.hpp>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

namespace peft {

PEFT_INLINE PairDataset group_by_source(PairDataset data) {
  std::unordered_map<std::string, std::size_t> seen;
  std::vector<TextPair> grouped;
  for (TextPair& pair : data.pairs) {
    const auto [found, fresh] = seen.try_emplace(pair.source, grouped.size());
    if (fresh) grouped.push_back({pair.source, pair.target, {}});
    auto& references = grouped[found->second].references;
    if (pair.references.empty()) pair.references.push_back(std::move(pair.target));
    for (std::string& reference : pair.references) references.push_back(std::move(reference));
  }
  data.pairs = std::move(grouped);
  data.labels.clear();
  return data;
}

}  // namespace peft
