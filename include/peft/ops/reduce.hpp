// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <limits>

#include <peft/ops/map.hpp>

namespace peft::ops {

/// Columns are reduced in blocks of this many, each over all rows in order: the sum does not depend on who computes it.
inline constexpr Extent column_block = 16;

template <ExecutionSpace E, class F>
void for_column_blocks(OnWorker<E> c, const char* name, Extent columns, const F& f) {
  for_rows(c, name, (columns + column_block - 1) / column_block, f);
}

/// g (1, d) += alpha times the sum over rows of x (n, d).
template <ExecutionSpace E, class T>
void add_column_sums(OnWorker<E> c, Mat<T, E> g, ReadOnly<T, E> x, double alpha = 1) {
  const T s = static_cast<T>(alpha);
  const Extent n = rows(x), d = cols(x);
  for_column_blocks(
      c, "peft::add_column_sums", d, KOKKOS_LAMBDA(Extent b) {
        const Extent begin = b * column_block, width = d - begin < column_block ? d - begin : column_block;
        T sum[column_block] = {};
        for (Extent i = 0; i < n; ++i) {
          const T* const xi = &x(i, begin);
          for (Extent j = 0; j < width; ++j) sum[j] += xi[j];
        }
        for (Extent j = 0; j < width; ++j) g(0, begin + j) += s * sum[j];
      });
}

/// g (1, d) += sum over rows of a * b, both (n, d).
template <ExecutionSpace E, class T>
void add_column_dots(OnWorker<E> c, Mat<T, E> g, ReadOnly<T, E> a, ReadOnly<T, E> b) {
  const Extent n = rows(a), d = cols(a);
  for_column_blocks(
      c, "peft::add_column_dots", d, KOKKOS_LAMBDA(Extent block) {
        const Extent begin = block * column_block, width = d - begin < column_block ? d - begin : column_block;
        T sum[column_block] = {};
        for (Extent i = 0; i < n; ++i) {
          const T *const ai = &a(i, begin), *const bi = &b(i, begin);
          for (Extent j = 0; j < width; ++j) sum[j] += ai[j] * bi[j];
        }
        for (Extent j = 0; j < width; ++j) g(0, begin + j) += sum[j];
      });
}

/// The sum of f(begin, end) over [0, n) cut in spans, in double.
template <ExecutionSpace E, class F>
double sum_of_spans(OnWorker<E> c, const char* name, std::int64_t n, const F& f) {
  double total = 0;
  if constexpr (on_host<E>) {
    for (std::int64_t begin = 0; begin < n; begin += span) total += f(begin, begin + span < n ? begin + span : n);
  } else {
    Kokkos::parallel_reduce(
        name, Kokkos::RangePolicy<E>(c.w.exec, 0, (n + span - 1) / span),
        KOKKOS_LAMBDA(std::int64_t s, double& sum) { sum += f(s * span, (s + 1) * span < n ? (s + 1) * span : n); },
        total);
  }
  return total;
}

/// The sum of squares of a contiguous block, in double, in spans of fixed size: the same value for any number of
/// workers.
template <ExecutionSpace E, class T>
double squared_norm(OnWorker<E> c, Mat<T, E> x) {
  if (c.w.planning() || x.size() == 0) return 0;
  const std::int64_t n = static_cast<std::int64_t>(x.size());
  const T* const p = x.data();
  return sum_of_spans(
      c, "peft::squared_norm", n, KOKKOS_LAMBDA(std::int64_t begin, std::int64_t end) {
        double part = 0;
        for (std::int64_t i = begin; i < end; ++i) part += static_cast<double>(p[i]) * static_cast<double>(p[i]);
        return part;
      });
}

/// How many numbers of a contiguous block are not finite.
template <ExecutionSpace E, class T>
double count_not_finite(OnWorker<E> c, Mat<T, E> x) {
  if (c.w.planning() || x.size() == 0) return 0;
  const T* const p = x.data();
  const T largest = std::numeric_limits<T>::max();
  return sum_of_spans(
      c, "peft::count_not_finite", static_cast<std::int64_t>(x.size()),
      KOKKOS_LAMBDA(std::int64_t begin, std::int64_t end) {
        int odd = 0;
        for (std::int64_t i = begin; i < end; ++i) odd += Kokkos::abs(p[i]) <= largest ? 0 : 1;
        return static_cast<double>(odd);
      });
}

}  // namespace peft::ops
