// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstddef>

#include <peft/ops/tile.hpp>

namespace peft::ops {

/// C (R, N packs) = [C +] A B held in registers. A (R, k) has any strides; rows of B and C are `bs`, `cs` elements
/// apart.
template <int R, int N, class T>
void tile(Extent k, const T* a, std::ptrdiff_t row, std::ptrdiff_t step, const T* b, std::ptrdiff_t bs, T* c,
          std::ptrdiff_t cs, bool accumulate) {
  Pack<T> sum[R][N];
#pragma GCC unroll 8
  for (int i = 0; i < R; ++i)
#pragma GCC unroll 4
    for (int j = 0; j < N; ++j)
      sum[i][j] = accumulate ? *reinterpret_cast<const Pack<T>*>(c + i * cs + j * lanes<T>) : Pack<T>{};
  for (Extent l = 0; l < k; ++l) {
    Pack<T> bl[N];
#pragma GCC unroll 4
    for (int j = 0; j < N; ++j) bl[j] = *reinterpret_cast<const Pack<T>*>(b + l * bs + j * lanes<T>);
#pragma GCC unroll 8
    for (int i = 0; i < R; ++i) {
      const T ai = a[i * row + l * step];
#pragma GCC unroll 4
      for (int j = 0; j < N; ++j) sum[i][j] += ai * bl[j];
    }
  }
#pragma GCC unroll 8
  for (int i = 0; i < R; ++i)
#pragma GCC unroll 4
    for (int j = 0; j < N; ++j) *reinterpret_cast<Pack<T>*>(c + i * cs + j * lanes<T>) = sum[i][j];
}

/// One strip of N packs of columns, rows in tiles of 8 (6 where there are 16 registers: the sums, two packs of B and a
/// number of A must fit), and then 4, 2, 1.
template <int N, class T>
void strip(Extent m, Extent k, const T* a, std::ptrdiff_t row, std::ptrdiff_t step, const T* b, std::ptrdiff_t bs, T* c,
           std::ptrdiff_t cs, bool accumulate) {
  constexpr int most = registers >= 32 ? 8 : 6;
  Extent i = 0;
  for (; i + most <= m; i += most) tile<most, N>(k, a + i * row, row, step, b, bs, c + i * cs, cs, accumulate);
  if (m - i >= 4) tile<4, N>(k, a + i * row, row, step, b, bs, c + i * cs, cs, accumulate), i += 4;
  if (m - i >= 2) tile<2, N>(k, a + i * row, row, step, b, bs, c + i * cs, cs, accumulate), i += 2;
  if (m - i >= 1) tile<1, N>(k, a + i * row, row, step, b, bs, c + i * cs, cs, accumulate);
}

template <class T>
void small_product(Extent m, Extent n, Extent k, const T* a, std::ptrdiff_t row, std::ptrdiff_t step, const T* b,
                   std::ptrdiff_t bs, T* c, std::ptrdiff_t cs, bool accumulate) {
  Extent j = 0;
  for (; j + 2 * lanes<T> <= n; j += 2 * lanes<T>) strip<2>(m, k, a, row, step, b + j, bs, c + j, cs, accumulate);
  if (j < n) strip<1>(m, k, a, row, step, b + j, bs, c + j, cs, accumulate);
}

#ifdef PEFT_SEPARATE
template void small_product<float>(Extent, Extent, Extent, const float*, std::ptrdiff_t, std::ptrdiff_t, const float*,
                                   std::ptrdiff_t, float*, std::ptrdiff_t, bool);
template void small_product<double>(Extent, Extent, Extent, const double*, std::ptrdiff_t, std::ptrdiff_t,
                                    const double*, std::ptrdiff_t, double*, std::ptrdiff_t, bool);
#endif

}  // namespace peft::ops
