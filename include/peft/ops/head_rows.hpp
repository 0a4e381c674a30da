// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstddef>

#include <peft/ops/tile.hpp>

namespace peft::ops {

/// to (width, np) = the rows of `from` (n, width), transposed; the padding is zero.
template <class T>
void transpose_head(const T* from, std::ptrdiff_t stride, Extent n, Extent width, T* to, Extent np) {
  // 64 bytes of rows at a time: the rows of more would not stay in the first-level cache until all their columns are
  // read.
  for (Extent begin = 0; begin < np; begin += padding<T>) {
    const T* const rows = from + begin * stride;
    const Extent count = n - begin < padding<T> ? n - begin : padding<T>;
    for (Extent c = 0; c < width; ++c) {
      T* const column = to + c * np + begin;
      for (Extent j = 0; j < count; ++j) column[j] = rows[j * stride + c];
      for (Extent j = count; j < padding<T>; ++j) column[j] = 0;
    }
  }
}

/// Rows of a head with columns padded to whole packs: in place when the width is so already, else copied.
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
