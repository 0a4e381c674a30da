// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <peft/ops/map.hpp>

namespace peft::ops {

/// Numbers of one AdamW update, bias corrections included.
struct AdamWStep {
  double lr, beta1, beta2, epsilon, decay, correction1, correction2, gradient_scale;
};

/// AdamW (Loshchilov & Hutter, 2019) on one contiguous range: theta -= lr (decay theta + m^ / (sqrt(v^) + epsilon)).
/// All (1, n).
template <ExecutionSpace E, class T>
void adamw(OnWorker<E> c, Mat<T, E> theta, ReadOnly<T, E> gradient, Mat<T, E> m, Mat<T, E> v, const AdamWStep& a) {
  const std::int64_t n = static_cast<std::int64_t>(theta.size());
  const T b1 = static_cast<T>(a.beta1), b2 = static_cast<T>(a.beta2), c1 = static_cast<T>(1 - a.beta1),
          c2 = static_cast<T>(1 - a.beta2), eps = static_cast<T>(a.epsilon),
          shrink = static_cast<T>(1 - a.lr * a.decay), step = static_cast<T>(a.lr / a.correction1),
          root = static_cast<T>(1 / std::sqrt(a.correction2)), scale = static_cast<T>(a.gradient_scale);
  T *const p = theta.data(), *const pm = m.data(), *const pv = v.data();
  const T* const pg = gradient.data();
  for_rows(
      c, "peft::adamw", static_cast<Extent>((n + span - 1) / span), KOKKOS_LAMBDA(Extent s) {
        const std::int64_t end = (s + 1) * span < n ? (s + 1) * span : n;
        for (std::int64_t i = s * span; i < end; ++i) {
          const T g = pg[i] * scale;
          const T mi = b1 * pm[i] + c1 * g, vi = b2 * pv[i] + c2 * g * g;
          pm[i] = mi;
          pv[i] = vi;
          p[i] = p[i] * shrink - step * mi / (Kokkos::sqrt(vi) * root + eps);
        }
      });
}

/// theta -= lr (gradient scale + decay theta).
template <ExecutionSpace E, class T>
void sgd(OnWorker<E> c, Mat<T, E> theta, ReadOnly<T, E> gradient, double lr, double decay, double gradient_scale) {
  const std::int64_t n = static_cast<std::int64_t>(theta.size());
  const T rate = static_cast<T>(lr * gradient_scale), shrink = static_cast<T>(1 - lr * decay);
  T* const p = theta.data();
  const T* const g = gradient.data();
  for_rows(
      c, "peft::sgd", static_cast<Extent>((n + span - 1) / span), KOKKOS_LAMBDA(Extent s) {
        const std::int64_t end = (s + 1) * span < n ? (s + 1) * span : n;
        for (std::int64_t i = s * span; i < end; ++i) p[i] = p[i] * shrink - rate * g[i];
      });
}

/// g <- sign(g) max(|g| - xi, 0): the proximal map of xi |.|_1 (SoRA, eq. 11).
template <ExecutionSpace E, class T>
void soft_threshold(OnWorker<E> c, Mat<T, E> g, double xi) {
  const Extent d = cols(g);
  const T t = static_cast<T>(xi);
  for_rows(
      c, "peft::soft_threshold", rows(g), KOKKOS_LAMBDA(Extent i) {
        for (Extent j = 0; j < d; ++j) {
          const T x = g(i, j);
          g(i, j) = x > t ? x - t : (x < -t ? x + t : (x == x ? T(0) : x));  // NaN is not hidden
        }
      });
}

}  // namespace peft::ops
