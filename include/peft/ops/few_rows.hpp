// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <peft/ops/tile.hpp>

namespace peft::ops {

/// A product with so few rows on one side reads the other from memory faster than it could be packed: a decoder's
/// steps.
inline constexpr Extent few_rows = 8;

/// C (R, N) += alpha A B' with A (R, k) and B (N, k), rows `as`, `bs`, `cs` elements apart.
template <int R, int N, class T>
void dot_tile(Extent k, T alpha, const T* a, std::ptrdiff_t as, const T* b, std::ptrdiff_t bs, T* c,
              std::ptrdiff_t cs) {
  Pack<T> sum[R][N] = {};
  Extent l = 0;
  for (; l + lanes<T> <= k; l += lanes<T>) {
    Pack<T> bl[N];
#pragma GCC unroll 4
    for (int j = 0; j < N; ++j) bl[j] = *reinterpret_cast<const Pack<T>*>(b + j * bs + l);
#pragma GCC unroll 4
    for (int i = 0; i < R; ++i) {
      const Pack<T> al = *reinterpret_cast<const Pack<T>*>(a + i * as + l);
#pragma GCC unroll 4
      for (int j = 0; j < N; ++j) sum[i][j] += al * bl[j];
    }
  }
#pragma GCC unroll 4
  for (int i = 0; i < R; ++i)
#pragma GCC unroll 4
    for (int j = 0; j < N; ++j) {
      T total = 0;
      for (Extent lane = 0; lane < lanes<T>; ++lane) total += sum[i][j][lane];
      for (Extent rest = l; rest < k; ++rest) total += a[i * as + rest] * b[j * bs + rest];
      c[i * cs + j] += alpha * total;
    }
}

/// Columns of a tile of four rows: as many as leave a register for a row of A.
inline constexpr int dot_columns_at_once = registers >= 32 ? 4 : 2;

/// N columns of C, rows in tiles of 4 and 1: the rows of B are in cache after the first.
template <int N, class T>
void dot_columns(Extent m, Extent k, T alpha, const T* a, std::ptrdiff_t as, const T* b, std::ptrdiff_t bs, T* c,
                 std::ptrdiff_t cs) {
  Extent i = 0;
  for (; i + 4 <= m; i += 4) dot_tile<4, N>(k, alpha, a + i * as, as, b, bs, c + i * cs, cs);
  for (; i < m; ++i) dot_tile<1, N>(k, alpha, a + i * as, as, b, bs, c + i * cs, cs);
}

/// C (m, n) += alpha A B' for few rows m.
template <class T>
void few_rows_product(Extent m, Extent n, Extent k, T alpha, const T* a, std::ptrdiff_t as, const T* b,
                      std::ptrdiff_t bs, T* c, std::ptrdiff_t cs) {
  Extent j = 0;
  for (; j + dot_columns_at_once <= n; j += dot_columns_at_once)
    dot_columns<dot_columns_at_once>(m, k, alpha, a, as, b + j * bs, bs, c + j, cs);
  for (; j < n; ++j) dot_columns<1>(m, k, alpha, a, as, b + j * bs, bs, c + j, cs);
}

}  // namespace peft::ops
