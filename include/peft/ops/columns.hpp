// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <peft/ops/map.hpp>

namespace peft::ops {

/// y (n, d) = the columns [from, from + d) of x.
template <ExecutionSpace E, class T>
void copy_columns(OnWorker<E> c, Mat<T, E> y, ReadOnly<T, E> x, Extent from) {
  const Extent d = cols(y);
  for_rows(
      c, "peft::copy_columns", rows(y), KOKKOS_LAMBDA(Extent i) {
        for (Extent j = 0; j < d; ++j) y(i, j) = x(i, from + j);
      });
}

/// The columns [to, to + d) of y = x (n, d).
template <ExecutionSpace E, class T>
void put_columns(OnWorker<E> c, Mat<T, E> y, ReadOnly<T, E> x, Extent to) {
  const Extent d = cols(x);
  for_rows(
      c, "peft::put_columns", rows(x), KOKKOS_LAMBDA(Extent i) {
        for (Extent j = 0; j < d; ++j) y(i, to + j) = x(i, j);
      });
}

}  // namespace peft::ops
