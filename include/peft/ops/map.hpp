// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>

#include <peft/core/rng.hpp>
#include <peft/core/worker.hpp>

namespace peft::ops {

/// A loop over rows as data, so that the host's launch is compiled once and not once per kernel.
struct RowLoop {
  void (*run)(const void* f, Extent n);
  const void* f;
  Extent n;
  void operator()(int) const { run(f, n); }
};
inline void launch(const Kokkos::Serial& exec, const char* name, const RowLoop& loop) {
  Kokkos::parallel_for(name, Kokkos::RangePolicy<Kokkos::Serial>(exec, 0, 1), loop);
}

/// Runs `f(i)` for rows 0 .. n. The inner loop over a row's elements belongs to `f`, so that it vectorises.
template <ExecutionSpace E, class F>
void for_rows(OnWorker<E> c, const char* name, Extent n, const F& f) {
  if (c.w.planning() || n == 0) return;
  if constexpr (std::is_same_v<E, Kokkos::Serial>) {
    const auto run = [](const void* p, Extent rows) {
      const F& each = *static_cast<const F*>(p);
      for (Extent i = 0; i < rows; ++i) each(i);
    };
    launch(c.w.exec, name, {run, &f, n});
  } else {
    Kokkos::parallel_for(name, Kokkos::RangePolicy<E>(c.w.exec, 0, n), f);
  }
}

/// Elements of a contiguous block in spans of this many: one span is one iteration.
inline constexpr std::int64_t span = 4096;

/// y = value
template <ExecutionSpace E, class T>
void fill(OnWorker<E> c, Mat<T, E> y, std::type_identity_t<T> value) {
  const std::int64_t n = static_cast<std::int64_t>(y.size());
  T* const p = y.data();
  for_rows(
      c, "peft::fill", static_cast<Extent>((n + span - 1) / span), KOKKOS_LAMBDA(Extent s) {
        const std::int64_t end = (s + 1) * span < n ? (s + 1) * span : n;
        for (std::int64_t i = s * span; i < end; ++i) p[i] = value;
      });
}

/// y = alpha x + beta y, elementwise; x and y have the same size.
template <ExecutionSpace E, class T>
void axpby(OnWorker<E> c, std::type_identity_t<T> alpha, ReadOnly<T, E> x, std::type_identity_t<T> beta, Mat<T, E> y) {
  const std::int64_t n = static_cast<std::int64_t>(y.size());
  const T* const p = x.data();
  T* const q = y.data();
  for_rows(
      c, "peft::axpby", static_cast<Extent>((n + span - 1) / span), KOKKOS_LAMBDA(Extent s) {
        const std::int64_t end = (s + 1) * span < n ? (s + 1) * span : n;
        if (beta == T(0))
          for (std::int64_t i = s * span; i < end; ++i) q[i] = alpha * p[i];
        else
          for (std::int64_t i = s * span; i < end; ++i) q[i] = alpha * p[i] + beta * q[i];
      });
}

template <ExecutionSpace E, class T>
void copy(OnWorker<E> c, Mat<T, E> y, ReadOnly<T, E> x) {
  axpby<E, T>(c, T(1), x, T(0), y);
}

/// y += x
template <ExecutionSpace E, class T>
void add(OnWorker<E> c, Mat<T, E> y, ReadOnly<T, E> x) {
  axpby<E, T>(c, T(1), x, T(1), y);
}

/// y = x * m, elementwise.
template <ExecutionSpace E, class T>
void multiply(OnWorker<E> c, Mat<T, E> y, ReadOnly<T, E> x, ReadOnly<T, E> m) {
  const Extent d = cols(y);
  for_rows(
      c, "peft::multiply", rows(y), KOKKOS_LAMBDA(Extent i) {
        T* const yi = &y(i, 0);
        const T *const xi = &x(i, 0), *const mi = &m(i, 0);
        for (Extent j = 0; j < d; ++j) yi[j] = xi[j] * mi[j];
      });
}

/// Every row of y = the row b (1, d).
template <ExecutionSpace E, class T>
void broadcast_row(OnWorker<E> c, Mat<T, E> y, ReadOnly<T, E> b) {
  const Extent d = cols(y);
  for_rows(
      c, "peft::broadcast_row", rows(y), KOKKOS_LAMBDA(Extent i) {
        for (Extent j = 0; j < d; ++j) y(i, j) = b(0, j);
      });
}

/// Every row of y += alpha times the row b (1, d).
template <ExecutionSpace E, class T>
void add_row(OnWorker<E> c, Mat<T, E> y, ReadOnly<T, E> b, double alpha = 1) {
  const Extent d = cols(y);
  const T s = static_cast<T>(alpha);
  for_rows(
      c, "peft::add_row", rows(y), KOKKOS_LAMBDA(Extent i) {
        for (Extent j = 0; j < d; ++j) y(i, j) += s * b(0, j);
      });
}

/// y = x * g along columns; g (1, d). y may be x.
template <ExecutionSpace E, class T>
void scale_columns(OnWorker<E> c, Mat<T, E> y, ReadOnly<T, E> x, ReadOnly<T, E> g) {
  const Extent d = cols(y);
  for_rows(
      c, "peft::scale_columns", rows(y), KOKKOS_LAMBDA(Extent i) {
        for (Extent j = 0; j < d; ++j) y(i, j) = x(i, j) * g(0, j);
      });
}

/// y = x * g along rows; g (1, n). y may be x.
template <ExecutionSpace E, class T>
void scale_rows(OnWorker<E> c, Mat<T, E> y, ReadOnly<T, E> x, ReadOnly<T, E> g) {
  const Extent d = cols(y);
  for_rows(
      c, "peft::scale_rows", rows(y), KOKKOS_LAMBDA(Extent i) {
        const T s = g(0, i);
        for (Extent j = 0; j < d; ++j) y(i, j) = s * x(i, j);
      });
}

/// y = dropout(x), also its own backward; y may be x. Rows of `drop` are rows of x.
template <ExecutionSpace E, class T>
void dropout(OnWorker<E> c, Mat<T, E> y, ReadOnly<T, E> x, const Dropout& drop) {
  const Extent d = cols(y);
  const T scale = static_cast<T>(drop.scale);
  for_rows(
      c, "peft::dropout", rows(y), KOKKOS_LAMBDA(Extent i) {
        const std::uint32_t key = drop.row(i);
        T* const yi = &y(i, 0);
        const T* const xi = &x(i, 0);
        for (Extent j = 0; j < d; ++j) yi[j] = drop.keeps(key, static_cast<std::uint32_t>(j)) ? xi[j] * scale : T(0);
      });
}

}  // namespace peft::ops
