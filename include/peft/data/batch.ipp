// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <peft/core/error.hpp>
#include <peft/core/inline.hpp>
#include <peft/data/batch.hpp>
#include <peft/text/example.hpp>
#include <span>
#include <vector>

namespace peft {

PEFT_INLINE void Batch::add(std::span<const std::int32_t> new_ids, std::span<const std::int32_t> new_types,
                            std::span<const double> new_targets, std::int64_t example,
                            std::span<const std::int32_t> new_slots) {
  require(!paired(), "example ", example, ": one sequence, but the batch is of pairs of them");
  append(new_ids, new_types, new_targets, example, new_slots);
}

PEFT_INLINE void Batch::add_pair(std::span<const std::int32_t> new_ids, std::span<const std::int32_t> new_types,
                                 std::span<const std::int32_t> decoder, std::span<const double> new_targets,
                                 std::int64_t example, std::span<const std::int32_t> new_slots) {
  require(decoder_offsets.size() == offsets.size(), "example ", example,
          ": a pair, but the batch holds sequences without a second side");
  require(!decoder.empty(), "example ", example, ": the decoder has nothing to read");
  require(new_targets.size() == decoder.size(), "example ", example, ": ", new_targets.size(), " targets for ",
          decoder.size(), " rows of the decoder");
  require(decoder.size() <= most - decoder_ids.size(), "example ", example,
          ": the batch would hold more than 2^31 - 1 tokens of the decoder; make it smaller");
  append(new_ids, new_types, new_targets, example, new_slots);
  decoder_ids.insert(decoder_ids.end(), decoder.begin(), decoder.end());
  decoder_offsets.push_back(static_cast<std::int32_t>(decoder_ids.size()));
}

PEFT_INLINE int Batch::widest(const std::vector<std::int32_t>& bounds) {
  std::int32_t widest = 0;
  for (std::size_t s = 1; s < bounds.size(); ++s) widest = std::max(widest, bounds[s] - bounds[s - 1]);
  return widest;
}

PEFT_INLINE void Batch::append(std::span<const std::int32_t> new_ids, std::span<const std::int32_t> new_types,
                               std::span<const double> new_targets, std::int64_t example,
                               std::span<const std::int32_t> new_slots) {
  require(new_slots.empty() || new_slots.size() == new_ids.size(), "example ", example, ": ", new_ids.size(),
          " ids but ", new_slots.size(), " slots of special tokens");
  require(new_ids.size() == new_types.size(), "example ", example, ": ", new_ids.size(), " ids but ", new_types.size(),
          " segment types");
  require(new_ids.size() <= most - ids.size(), "example ", example,
          ": the batch would hold more than 2^31 - 1 tokens; make it smaller");
  ids.insert(ids.end(), new_ids.begin(), new_ids.end());
  types.insert(types.end(), new_types.begin(), new_types.end());
  slots.insert(slots.end(), new_slots.begin(), new_slots.end());
  slots.resize(ids.size(), -1);
  offsets.push_back(static_cast<std::int32_t>(ids.size()));
  targets.insert(targets.end(), new_targets.begin(), new_targets.end());
  examples.push_back(example);
}

}  // namespace peft
