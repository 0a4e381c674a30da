// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <peft/ops/reduce.hpp>

namespace peft::ops {

/// z = y - b,  y <- g * z + b, along columns: all of a linear output but its bias is scaled. y, z (n, d); g (1, d); b
/// (1, d) or empty.
template <ExecutionSpace E, class T>
void rescale(OnWorker<E> c, Mat<T, E> y, Mat<T, E> z, ReadOnly<T, E> g, ReadOnly<T, E> b) {
  const Extent d = cols(y);
  const bool biased = !empty(b);
  for_rows(
      c, "peft::rescale", rows(y), KOKKOS_LAMBDA(Extent i) {
        T *const yi = &y(i, 0), *const zi = &z(i, 0);
        const T* const gi = &g(0, 0);
        if (biased) {
          const T* const bi = &b(0, 0);
          for (Extent j = 0; j < d; ++j) {
            const T v = yi[j] - bi[j];
            zi[j] = v;
            yi[j] = gi[j] * v + bi[j];
          }
        } else {
          for (Extent j = 0; j < d; ++j) {
            const T v = yi[j];
            zi[j] = v;
            yi[j] = gi[j] * v;
          }
        }
      });
}

/// y += g * x along columns; g (1, d).
template <ExecutionSpace E, class T>
void add_scaled_columns(OnWorker<E> c, Mat<T, E> y, ReadOnly<T, E> x, ReadOnly<T, E> g) {
  const Extent d = cols(y);
  for_rows(
      c, "peft::add_scaled_columns", rows(y), KOKKOS_LAMBDA(Extent i) {
        T* const yi = &y(i, 0);
        const T *const xi = &x(i, 0), *const gi = &g(0, 0);
        for (Extent j = 0; j < d; ++j) yi[j] += gi[j] * xi[j];
      });
}

/// Backward of y = g * x along columns in one pass: dg += the sum over rows of dy * x, dx = g * dy. dx may be dy.
template <ExecutionSpace E, class T>
void scale_columns_backward(OnWorker<E> c, Mat<T, E> dx, ReadOnly<T, E> dy, ReadOnly<T, E> x, ReadOnly<T, E> g,
                            Mat<T, E> dg) {
  const Extent n = rows(x), d = cols(x);
  for_column_blocks(
      c, "peft::scale_columns_backward", d, KOKKOS_LAMBDA(Extent block) {
        const Extent begin = block * column_block, width = d - begin < column_block ? d - begin : column_block;
        T sum[column_block] = {}, by[column_block] = {};
        for (Extent j = 0; j < width; ++j) by[j] = g(0, begin + j);
        for (Extent i = 0; i < n; ++i) {
          const T *const from = &dy(i, begin), *const xi = &x(i, begin);
          T* const to = &dx(i, begin);
          for (Extent j = 0; j < width; ++j) {
            const T v = from[j];
            sum[j] += v * xi[j];
            to[j] = v * by[j];
          }
        }
        for (Extent j = 0; j < width; ++j) dg(0, begin + j) += sum[j];
      });
}

/// norm (1, n) = the length of each row of x (n, d).
template <ExecutionSpace E, class T>
void row_norms(OnWorker<E> c, Mat<T, E> norm, ReadOnly<T, E> x) {
  const Extent d = cols(x);
  for_rows(
      c, "peft::row_norms", rows(x), KOKKOS_LAMBDA(Extent i) {
        constexpr Extent lanes = 16;  // partial sums in an order that vectorises
        const T* const xi = &x(i, 0);
        T part[lanes] = {}, sum = 0;
        Extent j = 0;
        for (; j + lanes <= d; j += lanes)
          for (Extent k = 0; k < lanes; ++k) part[k] += xi[j + k] * xi[j + k];
        for (; j < d; ++j) sum += xi[j] * xi[j];
        for (Extent k = 0; k < lanes; ++k) sum += part[k];
        norm(0, i) = Kokkos::sqrt(sum);
      });
}

/// q = a / b, elementwise, all of one size.
template <ExecutionSpace E, class T>
void divide(OnWorker<E> c, Mat<T, E> q, ReadOnly<T, E> a, ReadOnly<T, E> b) {
  const Extent d = cols(q);
  for_rows(
      c, "peft::divide", rows(q), KOKKOS_LAMBDA(Extent i) {
        for (Extent j = 0; j < d; ++j) q(i, j) = a(i, j) / b(i, j);
      });
}

/// Backward of q = a / norm with norm = |x| by rows, in place of x (n, d): da += dq / norm; x <- dx = -dq q / norm^2 *
/// x. Without x the norm counts as a constant. All but x (1, n).
template <ExecutionSpace E, class T>
void magnitude_backward(OnWorker<E> c, Mat<T, E> da, Mat<T, E> x, ReadOnly<T, E> dq, ReadOnly<T, E> q,
                        ReadOnly<T, E> norm) {
  const Extent d = empty(x) ? 0 : cols(x);
  for_rows(
      c, "peft::magnitude_backward", cols(q), KOKKOS_LAMBDA(Extent i) {
        da(0, i) += dq(0, i) / norm(0, i);
        const T slope = -dq(0, i) * q(0, i) / (norm(0, i) * norm(0, i));
        for (Extent j = 0; j < d; ++j) x(i, j) *= slope;
      });
}

}  // namespace peft::ops
