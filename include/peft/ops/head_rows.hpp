// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstddef>

#include <peft/ops/tile.hpp>

namespace peft::ops {

/// to (width, np) = the rows of `from` (n, width), transposed; the padding is zero.
template <class T>
void transpose_head(const T* from, std::ptrdiff_t stride, Extent n, Extent width, T* to, Extent np) {
  for (Extent c = 0; c < width; ++c) {
    for (Extent j = 0; j < n; ++j) to[c * np + j] = from[j * stride + c];
    for (Extent j = n; j < np; ++j) to[c * np + j] = 0;
  }
}

/// Rows of a head with whole packs of columns: in place when the width is a multiple of a pack, else copied.
template <class T>
struct HeadRows {
  const T* data;
  std::ptrdiff_t stride;
};
template <class T>
HeadRows<T> head_rows(const T* from, std::ptrdiff_t stride, Extent n, Extent width, Extent wp, T* scratch) {
  if (wp == width) return {from, stride};
  for (Extent i = 0; i < n; ++i)
    for (Extent c = 0; c < wp; ++c) scratch[i * wp + c] = c < width ? from[i * stride + c] : T(0);
  return {scratch, wp};
}

}  // namespace peft::ops
