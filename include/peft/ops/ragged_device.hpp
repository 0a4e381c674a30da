// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>

#include <peft/ops/attention_device.hpp>

namespace peft::ops {

/// Where the matrix of a sequence begins.
KOKKOS_INLINE_FUNCTION std::int64_t ragged_offset(const Segments& s, Extent sequence) {
  std::int64_t offset = 0;
  for (Extent i = 0; i < sequence; ++i) offset += static_cast<std::int64_t>(s.queries(i)) * s.keys(i);
  return offset;
}

template <ExecutionSpace E, class T, class Bias>
void attention_mean_device(Worker<E>& w, const Segments& s, Mat<const T, E> q, Mat<const T, E> k, const Bias& bias,
                           Mat<T, E> p) {
  const Extent heads = s.heads, width = cols(q) / heads, group = s.queries_per_key();
  T* const data = p.data();
  for_rows(
      w, "peft::attention_mean", rows(q), KOKKOS_LAMBDA(Extent i) {
        const Extent sequence = s.q_segment[i], begin = s.k_offsets[sequence], own = i - s.q_offsets[sequence];
        const Extent keys = s.keys(sequence), seen = s.seen(sequence, own), stands = own + s.lag(sequence);
        T* const to = data + ragged_offset(s, sequence) + static_cast<std::int64_t>(own) * keys;
        for (Extent j = 0; j < keys; ++j) to[j] = 0;
        for (Extent h = 0; h < heads; ++h) {
          const HeadAt<T> at{h, h * width, h / group * width, width, static_cast<T>(s.scale)};
          const T* const qi = &q(i, at.of_queries);
          T top = -1e30, sum = 0;
          for (Extent j = 0; j < seen; ++j) {
            const T x = raw_score(bias, at, stands - j, qi, &k(begin + j, at.of_keys)) * at.scale;
            const T larger = x > top ? x : top;
            sum = sum * Kokkos::exp(top - larger) + Kokkos::exp(x - larger);
            top = larger;
          }
          for (Extent j = 0; j < seen; ++j) {
            const T x = raw_score(bias, at, stands - j, qi, &k(begin + j, at.of_keys)) * at.scale;
            to[j] += Kokkos::exp(x - top) / (sum * static_cast<T>(heads));
          }
        }
      });
}

template <ExecutionSpace E, class T>
void ragged_product_device(Worker<E>& w, const Segments& s, Mat<const T, E> p, Mat<const T, E> h, Mat<T, E> out) {
  const Extent columns = cols(h);
  const T* const data = p.data();
  for_rows(
      w, "peft::ragged_product", rows(out), KOKKOS_LAMBDA(Extent i) {
        const Extent sequence = s.q_segment[i], begin = s.k_offsets[sequence], keys = s.keys(sequence);
        const T* const row =
            data + ragged_offset(s, sequence) + static_cast<std::int64_t>(i - s.q_offsets[sequence]) * keys;
        for (Extent c = 0; c < columns; ++c) {
          T sum = 0;
          for (Extent j = 0; j < keys; ++j) sum += row[j] * h(begin + j, c);
          out(i, c) = sum;
        }
      });
}

template <ExecutionSpace E, class T>
void ragged_product_backward_device(Worker<E>& w, const Segments& s, Mat<const T, E> p, Mat<const T, E> dout,
                                    Mat<T, E> dh) {
  const Extent columns = cols(dh);
  const T* const data = p.data();
  for_rows(
      w, "peft::ragged_product_backward", rows(dh), KOKKOS_LAMBDA(Extent row) {
        const Extent sequence = s.k_segment[row], j = row - s.k_offsets[sequence], keys = s.keys(sequence);
        if (j >= keys) return;
        const T* const column = data + ragged_offset(s, sequence) + j;
        for (Extent c = 0; c < columns; ++c) {
          T sum = 0;
          for (Extent i = 0; i < s.queries(sequence); ++i)
            sum += column[static_cast<std::int64_t>(i) * keys] * dout(s.q_offsets[sequence] + i, c);
          dh(row, c) += sum;
        }
      });
}

}  // namespace peft::ops
