// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <peft/ops/reduce.hpp>

namespace peft::ops {

/// What SoRA's released code does in place of the soft threshold: its three lines run one after the other, and the last
/// sees values that the first two have shrunk. Zero where |g| < 2 xi, except |g| = xi, which stays; else sign(g) (|g| -
/// xi).
template <ExecutionSpace E, class T>
void released_threshold(OnWorker<E> c, Mat<T, E> g, double xi) {
  const Extent d = cols(g);
  const T t = static_cast<T>(xi);
  for_rows(
      c, "peft::released_threshold", rows(g), KOKKOS_LAMBDA(Extent i) {
        for (Extent j = 0; j < d; ++j) {
          T x = g(i, j);
          x = x > t ? x - t : (x < -t ? x + t : x);
          g(i, j) = x < t && x > -t ? T(0) : x;
        }
      });
}

/// dg += scale sign(g): the (sub)gradient of scale |g|_1, zero where g is.
template <ExecutionSpace E, class T>
void add_sign(OnWorker<E> c, Mat<T, E> dg, ReadOnly<T, E> g, double scale) {
  const Extent d = cols(g);
  const T s = static_cast<T>(scale);
  for_rows(
      c, "peft::add_sign", rows(g), KOKKOS_LAMBDA(Extent i) {
        for (Extent j = 0; j < d; ++j) dg(i, j) += g(i, j) > 0 ? s : (g(i, j) < 0 ? -s : T(0));
      });
}

/// |x|_1 of a contiguous block, in double.
template <ExecutionSpace E, class T>
double absolute_sum(OnWorker<E> c, Mat<T, E> x) {
  if (c.w.planning() || x.size() == 0) return 0;
  const T* const p = x.data();
  return sum_of_spans(
      c, "peft::absolute_sum", static_cast<std::int64_t>(x.size()),
      KOKKOS_LAMBDA(std::int64_t begin, std::int64_t end) {
        double part = 0;
        for (std::int64_t i = begin; i < end; ++i)
          part += p[i] < 0 ? -static_cast<double>(p[i]) : static_cast<double>(p[i]);
        return part;
      });
}

}  // namespace peft::ops
