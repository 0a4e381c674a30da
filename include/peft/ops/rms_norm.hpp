// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <peft/ops/map.hpp>

namespace peft::ops {

/// The sum over j of a b c, of rows with d elements, in sixteen parts: the compiler may not reorder a floating-point
/// sum, so the order is written to be vectorised.
template <class T>
KOKKOS_INLINE_FUNCTION T sum_of_products(Extent d, const T* a, const T* b, const T* c) {
  constexpr Extent lanes = 16;
  T part[lanes] = {}, sum = 0;
  Extent j = 0;
  for (; j + lanes <= d; j += lanes)
    for (Extent k = 0; k < lanes; ++k) part[k] += a[j + k] * b[j + k] * c[j + k];
  for (; j < d; ++j) sum += a[j] * b[j] * c[j];
  for (Extent k = 0; k < lanes; ++k) sum += part[k];
  return sum;
}
template <class T>
KOKKOS_INLINE_FUNCTION T sum_of_squares(Extent d, const T* a) {
  constexpr Extent lanes = 16;
  T part[lanes] = {}, sum = 0;
  Extent j = 0;
  for (; j + lanes <= d; j += lanes)
    for (Extent k = 0; k < lanes; ++k) part[k] += a[j + k] * a[j + k];
  for (; j < d; ++j) sum += a[j] * a[j];
  for (Extent k = 0; k < lanes; ++k) sum += part[k];
  return sum;
}

/// size (1, n) = the root mean square of each row of x (n, d), sqrt(mean(x^2) + epsilon).
template <ExecutionSpace E, class T>
void row_rms(OnWorker<E> c, Mat<T, E> size, ReadOnly<T, E> x, double epsilon) {
  const Extent d = cols(x);
  const T eps = static_cast<T>(epsilon);
  for_rows(
      c, "peft::row_rms", rows(x),
      KOKKOS_LAMBDA(Extent i) { size(0, i) = Kokkos::sqrt(sum_of_squares<T>(d, &x(i, 0)) / static_cast<T>(d) + eps); });
}

/// y = z / sqrt(mean(z^2) + epsilon) * gamma with z = residual + dropout(x) (Zhang & Sennrich, 2019); `residual` may be
/// empty. Kept for backward: normalised (n, d) and rstd (n, 1), both may be empty when nothing crosses. Shapes: x,
/// residual, y (n, d); gamma (1, d). y may be x.
template <ExecutionSpace E, class T>
void rms_norm(OnWorker<E> c, ReadOnly<T, E> x, ReadOnly<T, E> residual, ReadOnly<T, E> gamma, double epsilon,
              const Dropout& drop, Mat<T, E> normalised, Mat<T, E> rstd, Mat<T, E> y) {
  const Extent d = cols(x);
  const T scale = static_cast<T>(drop.scale), eps = static_cast<T>(epsilon);
  const bool dropping = drop.active(), adding = !empty(residual), keeping = !empty(normalised);
  for_rows(
      c, "peft::rms_norm", rows(x), KOKKOS_LAMBDA(Extent i) {
        const T *const xi = &x(i, 0), *const g = &gamma(0, 0);
        T* const yi = &y(i, 0);
        if (dropping) {
          const std::uint32_t key = drop.row(i);
          for (Extent j = 0; j < d; ++j) yi[j] = drop.keeps(key, static_cast<std::uint32_t>(j)) ? xi[j] * scale : T(0);
        } else {
          for (Extent j = 0; j < d; ++j) yi[j] = xi[j];
        }
        if (adding) {
          const T* const ri = &residual(i, 0);
          for (Extent j = 0; j < d; ++j) yi[j] += ri[j];
        }
        const T r = T(1) / Kokkos::sqrt(sum_of_squares<T>(d, yi) / static_cast<T>(d) + eps);
        if (keeping) {
          T* const hi = &normalised(i, 0);
          rstd(i, 0) = r;
          for (Extent j = 0; j < d; ++j) {
            const T h = yi[j] * r;
            hi[j] = h;
            yi[j] = h * g[j];
          }
        } else {
          for (Extent j = 0; j < d; ++j) yi[j] = yi[j] * r * g[j];
        }
      });
}

/// dz (n, d): the gradient of RMSNorm's input from dy; dz may be dy.
template <ExecutionSpace E, class T>
void rms_norm_backward(OnWorker<E> c, ReadOnly<T, E> dy, ReadOnly<T, E> normalised, ReadOnly<T, E> rstd,
                       ReadOnly<T, E> gamma, Mat<T, E> dz) {
  const Extent d = cols(dy);
  for_rows(
      c, "peft::rms_norm_backward", rows(dy), KOKKOS_LAMBDA(Extent i) {
        const T *const dyi = &dy(i, 0), *const hi = &normalised(i, 0), *const g = &gamma(0, 0);
        T* const dzi = &dz(i, 0);
        const T dot = sum_of_products<T>(d, dyi, g, hi) / static_cast<T>(d);
        const T r = rstd(i, 0);
        for (Extent j = 0; j < d; ++j) dzi[j] = (dyi[j] * g[j] - hi[j] * dot) * r;
      });
}

}  // namespace peft::ops
