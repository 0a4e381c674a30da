// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <peft/ops/map.hpp>

namespace peft::ops {

/// Token row i of x goes to row i + (segment[i] + 1) prefix of y: each sequence keeps `prefix` rows free before its
/// own.
template <ExecutionSpace E, class T>
void spread_after_prefix(OnWorker<E> c, Mat<T, E> y, ReadOnly<T, E> x, const int* segment, Extent prefix) {
  const Extent d = cols(x);
  for_rows(
      c, "peft::spread_after_prefix", rows(x), KOKKOS_LAMBDA(Extent i) {
        const Extent to = i + (segment[i] + 1) * prefix;
        for (Extent j = 0; j < d; ++j) y(to, j) = x(i, j);
      });
}

/// The reverse: token rows of y, without the prefixes.
template <ExecutionSpace E, class T>
void collect_after_prefix(OnWorker<E> c, Mat<T, E> x, ReadOnly<T, E> y, const int* segment, Extent prefix) {
  const Extent d = cols(x);
  for_rows(
      c, "peft::collect_after_prefix", rows(x), KOKKOS_LAMBDA(Extent i) {
        const Extent from = i + (segment[i] + 1) * prefix;
        for (Extent j = 0; j < d; ++j) x(i, j) = y(from, j);
      });
}

/// The first rows of every sequence of y = dropout(`prefix`) (p, d); row i of sequence s draws at (drop.example[s], i).
template <ExecutionSpace E, class T>
void put_prefix(OnWorker<E> c, Mat<T, E> y, ReadOnly<T, E> prefix, const int* offsets, Extent sequences,
                const Dropout& drop = {}) {
  const Extent n = rows(prefix), d = cols(prefix);
  const T scale = static_cast<T>(drop.scale);
  const bool dropping = drop.active();
  for_rows(
      c, "peft::put_prefix", sequences * n, KOKKOS_LAMBDA(Extent i) {
        const Extent from = i % n;
        T* const to = &y(offsets[i / n] + from, 0);
        const T* const row = &prefix(from, 0);
        if (dropping) {
          const std::uint32_t key = drop.at(drop.example[i / n], from);
          for (Extent j = 0; j < d; ++j) to[j] = drop.keeps(key, static_cast<std::uint32_t>(j)) ? row[j] * scale : T(0);
        } else {
          for (Extent j = 0; j < d; ++j) to[j] = row[j];
        }
      });
}

/// g (p, d) += dropout(the first rows of every sequence of dy), summed over the sequences in order.
template <ExecutionSpace E, class T>
void take_prefix(OnWorker<E> c, Mat<T, E> g, ReadOnly<T, E> dy, const int* offsets, Extent sequences,
                 const Dropout& drop = {}) {
  const Extent d = cols(g);
  const T scale = static_cast<T>(drop.scale);
  const bool dropping = drop.active();
  for_rows(
      c, "peft::take_prefix", rows(g), KOKKOS_LAMBDA(Extent i) {
        T* const gi = &g(i, 0);
        for (Extent s = 0; s < sequences; ++s) {
          const T* const from = &dy(offsets[s] + i, 0);
          if (dropping) {
            const std::uint32_t key = drop.at(drop.example[s], i);
            for (Extent j = 0; j < d; ++j)
              gi[j] += drop.keeps(key, static_cast<std::uint32_t>(j)) ? from[j] * scale : T(0);
          } else {
            for (Extent j = 0; j < d; ++j) gi[j] += from[j];
          }
        }
      });
}

}  // namespace peft::ops
