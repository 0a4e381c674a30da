// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstddef>
#include <vector>

#include <peft/core/tensor.hpp>

namespace peft {

/// The transpose (cols, rows) of host values (rows, cols).
template <class T>
std::vector<T> transposed(const std::vector<T>& from, Extent rows, Extent cols) {
  std::vector<T> to(from.size());
  for (Extent i = 0; i < rows; ++i)
    for (Extent j = 0; j < cols; ++j) to[static_cast<std::size_t>(j * rows + i)] = from[static_cast<std::size_t>(i * cols + j)];
  return to;
}

}  // namespace peft
