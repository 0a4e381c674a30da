// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <peft/ops/map.hpp>

namespace peft::ops {

/// y = LayerNorm(residual + dropout(x)) * gamma + beta; `residual` may be empty. Kept for backward: normalised (n, d)
/// and rstd (n, 1), both may be empty when nothing crosses. Shapes: x, residual, y (n, d); gamma, beta (1, d). y may be
/// x.
template <ExecutionSpace E, class T>
void add_norm(OnWorker<E> c, ReadOnly<T, E> x, ReadOnly<T, E> residual, ReadOnly<T, E> gamma, ReadOnly<T, E> beta,
              double epsilon, const Dropout& drop, Mat<T, E> normalised, Mat<T, E> rstd, Mat<T, E> y) {
  const Extent d = cols(x);
  const T scale = static_cast<T>(drop.scale), eps = static_cast<T>(epsilon);
  const bool dropping = drop.active(), adding = !empty(residual), keeping = !empty(normalised);
  for_rows(
      c, "peft::add_norm", rows(x), KOKKOS_LAMBDA(Extent i) {
        const T* const xi = &x(i, 0);
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
        // Sixteen partial sums: the compiler may not reorder a floating-point sum, so the order is written to be
        // vectorised.
        constexpr Extent lanes = 16;
        T part[lanes] = {};
        Extent j = 0;
        for (; j + lanes <= d; j += lanes)
          for (Extent k = 0; k < lanes; ++k) part[k] += yi[j + k];
        T mean = 0;
        for (; j < d; ++j) mean += yi[j];
        for (Extent k = 0; k < lanes; ++k) mean += part[k];
        mean /= static_cast<T>(d);
        for (Extent k = 0; k < lanes; ++k) part[k] = 0;
        T variance = 0;
        for (j = 0; j + lanes <= d; j += lanes)
          for (Extent k = 0; k < lanes; ++k) part[k] += (yi[j + k] - mean) * (yi[j + k] - mean);
        for (; j < d; ++j) variance += (yi[j] - mean) * (yi[j] - mean);
        for (Extent k = 0; k < lanes; ++k) variance += part[k];
        const T r = T(1) / Kokkos::sqrt(variance / static_cast<T>(d) + eps);
        const T *const g = &gamma(0, 0), *const b = &beta(0, 0);
        if (keeping) {
          T* const hi = &normalised(i, 0);
          rstd(i, 0) = r;
          for (j = 0; j < d; ++j) {
            const T h = (yi[j] - mean) * r;
            hi[j] = h;
            yi[j] = h * g[j] + b[j];
          }
        } else {
          for (j = 0; j < d; ++j) yi[j] = (yi[j] - mean) * r * g[j] + b[j];
        }
      });
}

/// dz (n, d): the gradient of LayerNorm's input from dy; dz may be dy.
template <ExecutionSpace E, class T>
void norm_backward(OnWorker<E> c, ReadOnly<T, E> dy, ReadOnly<T, E> normalised, ReadOnly<T, E> rstd,
                   ReadOnly<T, E> gamma, Mat<T, E> dz) {
  const Extent d = cols(dy);
  for_rows(
      c, "peft::norm_backward", rows(dy), KOKKOS_LAMBDA(Extent i) {
        const T *const dyi = &dy(i, 0), *const hi = &normalised(i, 0), *const g = &gamma(0, 0);
        T* const dzi = &dz(i, 0);
        constexpr Extent lanes = 16;
        T a[lanes] = {}, b[lanes] = {};
        T mean = 0, dot = 0;
        Extent j = 0;
        for (; j + lanes <= d; j += lanes)
          for (Extent k = 0; k < lanes; ++k) {
            const T v = dyi[j + k] * g[j + k];
            a[k] += v;
            b[k] += v * hi[j + k];
          }
        for (; j < d; ++j) {
          mean += dyi[j] * g[j];
          dot += dyi[j] * g[j] * hi[j];
        }
        for (Extent k = 0; k < lanes; ++k) {
          mean += a[k];
          dot += b[k];
        }
        mean /= static_cast<T>(d);
        dot /= static_cast<T>(d);
        const T r = rstd(i, 0);
        for (j = 0; j < d; ++j) dzi[j] = (dyi[j] * g[j] - mean - hi[j] * dot) * r;
      });
}

}  // namespace peft::ops
