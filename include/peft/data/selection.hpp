// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstddef>
#include <cstdint>
#include <vector>

namespace peft {

/// The indices of the examples to use: all of them in their order, or the first `limit` of a seeded shuffle.
std::vector<std::int64_t> select_examples(std::size_t count, std::int64_t limit, std::uint64_t seed);

}  // namespace peft

#ifndef PEFT_SEPARATE
#include <peft/data/selection.ipp>
#endif
