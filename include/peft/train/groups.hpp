// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
#include <span>
#include <vector>

namespace peft {

/// How a batch is cut into groups of whole sequences. Part of a run's identity: sums are ordered by group.
struct Grouping {
  int tokens = 256;   // target size of a group; a longer sequence is a group of its own
  int multiple =
      2;   // groups come in multiples of this (where there are enough sequences), so that workers finish together
};

/// Cut points 0 = c0 < c1 < .. = sequences: groups of about equal size. Depends on the batch only, never on the
/// workers. `virtual_rows`: what a prompt method adds to every sequence. `together`: sequences that make up an example,
/// which is never cut.
std::vector<int> cut_groups(std::span<const std::int32_t> offsets, const Grouping& g, int virtual_rows = 0,
                            int together = 1);

}  // namespace peft

#ifndef PEFT_SEPARATE
#include <peft/train/groups.ipp>
#endif
