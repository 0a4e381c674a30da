// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <peft/ops/map.hpp>

namespace peft::ops {

/// y (n, c) = the columns [from, from + c) of x.
template <ExecutionSpace E, class T>
void copy_columns(Worker<E>& w, Mat<T, E> y, Mat<const T, E> x, Extent from) {
  const Extent c = cols(y);
  for_rows(
      w, "peft::copy_columns", rows(y), KOKKOS_LAMBDA(Extent i) {
        for (Extent j = 0; j < c; ++j) y(i, j) = x(i, from + j);
      });
}

/// The columns [to, to + c) of y = x (n, c).
template <ExecutionSpace E, class T>
void put_columns(Worker<E>& w, Mat<T, E> y, Mat<const T, E> x, Extent to) {
  const Extent c = cols(x);
  for_rows(
      w, "peft::put_columns", rows(x), KOKKOS_LAMBDA(Extent i) {
        for (Extent j = 0; j < c; ++j) y(i, to + j) = x(i, j);
      });
}

}  // namespace peft::ops
