// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <peft/ops/map.hpp>

namespace peft::ops {

/// One step of smoothed sensitivity and its uncertainty, elementwise (AdaLoRA, eq. 8 to 10), all of one size:
///   I = |p dp|,  mean <- b1 mean + (1 - b1) I,  spread <- b2 spread + (1 - b2) |I - mean|.
template <ExecutionSpace E, class T>
void sensitivity(OnWorker<E> c, Mat<T, E> mean, Mat<T, E> spread, ReadOnly<T, E> p, ReadOnly<T, E> dp, double beta1,
                 double beta2, double gradient_scale) {
  const std::int64_t n = static_cast<std::int64_t>(p.size());
  const T b1 = static_cast<T>(beta1), c1 = static_cast<T>(1 - beta1), b2 = static_cast<T>(beta2),
          c2 = static_cast<T>(1 - beta2), scale = static_cast<T>(gradient_scale);
  T *const m = mean.data(), *const u = spread.data();
  const T *const value = p.data(), *const gradient = dp.data();
  for_rows(
      c, "peft::sensitivity", static_cast<Extent>((n + span - 1) / span), KOKKOS_LAMBDA(Extent s) {
        const std::int64_t end = (s + 1) * span < n ? (s + 1) * span : n;
        for (std::int64_t i = s * span; i < end; ++i) {
          const T now = Kokkos::abs(value[i] * gradient[i] * scale);
          const T smooth = b1 * m[i] + c1 * now;
          m[i] = smooth;
          u[i] = b2 * u[i] + c2 * Kokkos::abs(now - smooth);
        }
      });
}

/// Importance of every triplet of a product P diag(e) Q from the importance mean * spread of its numbers (AdaLoRA, eq.
/// 7): s_k = s(e_k) + mean_j s(Q_kj) + mean_i s(P_ik).  s, e (1, r)  Q (r, in)  P (out, r)
template <ExecutionSpace E, class T>
void triplet_scores(OnWorker<E> c, Mat<T, E> s, ReadOnly<T, E> mean_e, ReadOnly<T, E> spread_e, ReadOnly<T, E> mean_Q,
                    ReadOnly<T, E> spread_Q, ReadOnly<T, E> mean_P, ReadOnly<T, E> spread_P) {
  const Extent in = cols(mean_Q), out = rows(mean_P);
  for_rows(
      c, "peft::triplet_scores", cols(s), KOKKOS_LAMBDA(Extent k) {
        T q = 0, p = 0;
        for (Extent j = 0; j < in; ++j) q += mean_Q(k, j) * spread_Q(k, j);
        for (Extent i = 0; i < out; ++i) p += mean_P(i, k) * spread_P(i, k);
        s(0, k) = mean_e(0, k) * spread_e(0, k) + q / static_cast<T>(in) + p / static_cast<T>(out);
      });
}

/// e = 0 where s <= threshold.
template <ExecutionSpace E, class T>
void clear_up_to(OnWorker<E> c, Mat<T, E> e, ReadOnly<T, E> s, std::type_identity_t<T> threshold) {
  const Extent d = cols(e);
  for_rows(
      c, "peft::clear_up_to", rows(e), KOKKOS_LAMBDA(Extent i) {
        for (Extent j = 0; j < d; ++j)
          if (s(i, j) <= threshold) e(i, j) = 0;
      });
}

}  // namespace peft::ops
