// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <peft/ops/map.hpp>

namespace peft::ops {

/// y (m, d) = the rows `index[0 .. m)` of x.
template <ExecutionSpace E, class T>
void gather_rows(OnWorker<E> c, Mat<T, E> y, ReadOnly<T, E> x, const int* index) {
  const Extent d = cols(y);
  for_rows(
      c, "peft::gather_rows", rows(y), KOKKOS_LAMBDA(Extent i) {
        const Extent from = index[i];
        for (Extent j = 0; j < d; ++j) y(i, j) = x(from, j);
      });
}

/// The rows `index[0 .. m)` of y = x (m, d); no row is named twice.
template <ExecutionSpace E, class T>
void scatter_rows(OnWorker<E> c, Mat<T, E> y, ReadOnly<T, E> x, const int* index) {
  const Extent d = cols(x);
  for_rows(
      c, "peft::scatter_rows", rows(x), KOKKOS_LAMBDA(Extent i) {
        const Extent to = index[i];
        for (Extent j = 0; j < d; ++j) y(to, j) = x(i, j);
      });
}

/// The rows `index[0 .. m)` of y += x (m, d); no row is named twice.
template <ExecutionSpace E, class T>
void add_to_rows(OnWorker<E> c, Mat<T, E> y, ReadOnly<T, E> x, const int* index) {
  const Extent d = cols(x);
  for_rows(
      c, "peft::add_to_rows", rows(x), KOKKOS_LAMBDA(Extent i) {
        const Extent to = index[i];
        for (Extent j = 0; j < d; ++j) y(to, j) += x(i, j);
      });
}

/// The mean over each sequence's rows: y (sequences, d) from x (tokens, d).
template <ExecutionSpace E, class T>
void segment_mean(OnWorker<E> c, Mat<T, E> y, ReadOnly<T, E> x, const int* offsets) {
  const Extent d = cols(y);
  for_rows(
      c, "peft::segment_mean", rows(y), KOKKOS_LAMBDA(Extent s) {
        const Extent begin = offsets[s], end = offsets[s + 1];
        for (Extent j = 0; j < d; ++j) y(s, j) = 0;
        for (Extent i = begin; i < end; ++i)
          for (Extent j = 0; j < d; ++j) y(s, j) += x(i, j);
        for (Extent j = 0; j < d; ++j) y(s, j) /= static_cast<T>(end - begin);
      });
}

/// dx (tokens, d) = the mean's backward of dy (sequences, d).
template <ExecutionSpace E, class T>
void segment_mean_backward(OnWorker<E> c, Mat<T, E> dx, ReadOnly<T, E> dy, const int* offsets) {
  const Extent d = cols(dx);
  for_rows(
      c, "peft::segment_mean_backward", rows(dy), KOKKOS_LAMBDA(Extent s) {
        const Extent begin = offsets[s], end = offsets[s + 1];
        for (Extent i = begin; i < end; ++i)
          for (Extent j = 0; j < d; ++j) dx(i, j) = dy(s, j) / static_cast<T>(end - begin);
      });
}

}  // namespace peft::ops
