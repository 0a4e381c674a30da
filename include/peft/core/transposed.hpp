// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstddef>
#include <cstdint>
#include <vector>

namespace peft {

/// Writes the transpose (cols, rows) of host values (rows, cols), of which there may be more than an Extent counts.
template <class T>
void transpose(const T* from, std::int64_t rows, std::int64_t cols, T* to) {
  for (std::int64_t i = 0; i < rows; ++i)
    for (std::int64_t j = 0; j < cols; ++j) to[j * rows + i] = from[i * cols + j];
}

/// The transpose (cols, rows) of host values (rows, cols).
template <class T>
std::vector<T> transposed(const std::vector<T>& from, std::int64_t rows, std::int64_t cols) {
  std::vector<T> to(from.size());
  transpose(from.data(), rows, cols, to.data());
  return to;
}

}  // namespace peft
