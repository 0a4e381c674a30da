// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <peft/ops/map.hpp>

namespace peft::ops {

/// A matrix y (n s, n t) from its blocks: row p n + q of k (n n, s t) is the block with rows of number q and columns of
/// number p.
template <ExecutionSpace E, class T>
void from_blocks(OnWorker<E> c, Mat<T, E> y, ReadOnly<T, E> k, Extent n) {
  const Extent s = rows(y) / n, t = cols(y) / n;
  for_rows(
      c, "peft::from_blocks", rows(y), KOKKOS_LAMBDA(Extent i) {
        for (Extent p = 0; p < n; ++p)
          for (Extent j = 0; j < t; ++j) y(i, p * t + j) = k(p * n + i / s, i % s * t + j);
      });
}

/// The blocks k of a matrix y: `from_blocks` the other way, and its backward.
template <ExecutionSpace E, class T>
void to_blocks(OnWorker<E> c, Mat<T, E> k, ReadOnly<T, E> y, Extent n) {
  const Extent s = rows(y) / n, t = cols(y) / n;
  for_rows(
      c, "peft::to_blocks", rows(y), KOKKOS_LAMBDA(Extent i) {
        for (Extent p = 0; p < n; ++p)
          for (Extent j = 0; j < t; ++j) k(p * n + i / s, i % s * t + j) = y(i, p * t + j);
      });
}

}  // namespace peft::ops
