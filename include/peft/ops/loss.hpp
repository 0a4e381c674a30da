// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <peft/ops/activation.hpp>
#include <peft/ops/reduce.hpp>

namespace peft::ops {

/// loss (n, 1) = weight * -log softmax(logits)[target]; dlogits (n, labels) its gradient. `target` (n, 1) holds class
/// indices; a row with a negative one has no loss.
template <ExecutionSpace E, class T>
void cross_entropy(OnWorker<E> c, ReadOnly<T, E> logits, ReadOnly<T, E> target, double weight, Mat<T, E> loss,
                   Mat<T, E> dlogits) {
  const Extent labels = cols(logits);
  const T scale = static_cast<T>(weight);
  for_rows(
      c, "peft::cross_entropy", rows(logits), KOKKOS_LAMBDA(Extent i) {
        if (target(i, 0) < 0) {
          for (Extent c = 0; c < labels; ++c) dlogits(i, c) = 0;
          loss(i, 0) = 0;
          return;
        }
        T top = logits(i, 0), sum = 0;
        for (Extent c = 1; c < labels; ++c) top = logits(i, c) > top ? logits(i, c) : top;
        for (Extent c = 0; c < labels; ++c) sum += Kokkos::exp(logits(i, c) - top);
        const Extent wanted = static_cast<Extent>(target(i, 0));
        for (Extent c = 0; c < labels; ++c)
          dlogits(i, c) = scale * (Kokkos::exp(logits(i, c) - top) / sum - (c == wanted ? T(1) : T(0)));
        loss(i, 0) = scale * (top + Kokkos::log(sum) - logits(i, wanted));
      });
}

/// The same over a whole vocabulary: loss (n, 1), and logits become their gradient when `backward`. One target per row,
/// none negative.
template <ExecutionSpace E, class T>
void word_cross_entropy(OnWorker<E> c, Mat<T, E> logits, const int* target, double weight, Mat<T, E> loss,
                        bool backward) {
  const Extent words = cols(logits);
  const T scale = static_cast<T>(weight);
  for_rows(
      c, "peft::word_cross_entropy", rows(logits), KOKKOS_LAMBDA(Extent i) {
        T* const z = &logits(i, 0);
        // Sixteen at a time: a floating-point maximum and sum are vectorised only in the order in which they are written.
        constexpr Extent lanes = 16;
        T part[lanes];
        for (Extent k = 0; k < lanes; ++k) part[k] = z[0];
        Extent j = 0;
        for (; j + lanes <= words; j += lanes)
          for (Extent k = 0; k < lanes; ++k) part[k] = z[j + k] > part[k] ? z[j + k] : part[k];
        T top = z[0];
        for (; j < words; ++j) top = z[j] > top ? z[j] : top;
        for (Extent k = 0; k < lanes; ++k) top = part[k] > top ? part[k] : top;
        const T wanted = z[target[i]];
        for (Extent k = 0; k < lanes; ++k) part[k] = 0;
        T sum = 0;
        for (j = 0; j + lanes <= words; j += lanes)
          for (Extent k = 0; k < lanes; ++k) {
            const T e = fast_exp(z[j + k] - top);
            if (backward) z[j + k] = e;
            part[k] += e;
          }
        for (; j < words; ++j) {
          const T e = fast_exp(z[j] - top);
          if (backward) z[j] = e;
          sum += e;
        }
        for (Extent k = 0; k < lanes; ++k) sum += part[k];
        loss(i, 0) = scale * (top + Kokkos::log(sum) - wanted);
        if (!backward) return;
        const T share = scale / sum;
        for (j = 0; j < words; ++j) z[j] *= share;
        z[target[i]] -= scale;
      });
}

/// loss (n, 1) = weight * (prediction - target)^2 of a single output; dlogits (n, 1) its gradient.
template <ExecutionSpace E, class T>
void squared_error(OnWorker<E> c, ReadOnly<T, E> logits, ReadOnly<T, E> target, double weight, Mat<T, E> loss,
                   Mat<T, E> dlogits) {
  const T scale = static_cast<T>(weight);
  for_rows(
      c, "peft::squared_error", rows(logits), KOKKOS_LAMBDA(Extent i) {
        const T error = logits(i, 0) - target(i, 0);
        loss(i, 0) = scale * error * error;
        dlogits(i, 0) = scale * 2 * error;
      });
}

/// The sum of a column, in double, in order.
template <ExecutionSpace E, class T>
double sum(OnWorker<E> c, Mat<T, E> x) {
  if (c.w.planning()) return 0;
  const T* const p = x.data();
  return sum_of_spans(
      c, "peft::sum", static_cast<std::int64_t>(x.size()), KOKKOS_LAMBDA(std::int64_t begin, std::int64_t end) {
        double part = 0;
        for (std::int64_t i = begin; i < end; ++i) part += static_cast<double>(p[i]);
        return part;
      });
}

}  // namespace peft::ops
