// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <cstddef>

#include <peft/core/interrupt.hpp>
#include <peft/data/batch.hpp>

namespace peft {

/// Calls `use(batch, first)` for `count` examples in order, at most `size` per batch; `add(batch, i)` appends one. An
/// Interrupt stops it between two batches.
template <class Add, class Use>
void in_batches(std::size_t count, std::size_t size, Add&& add, Use&& use) {
  for (std::size_t begin = 0; begin < count; begin += size) {
    Interrupt::check();
    Batch batch;
    for (std::size_t i = begin; i < std::min(begin + size, count); ++i) add(batch, i);
    use(batch, begin);
  }
}
/// All examples of `data`.
template <class Data, class Use>
void in_batches(const Data& data, std::size_t size, Use&& use) {
  in_batches(
      data.size(), size, [&](Batch& batch, std::size_t i) { data.add_to(batch, i); },
      [&](const Batch& batch, std::size_t) { use(batch); });
}

}  // namespace peft
