// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstddef>
#include <cstdint>

#include <peft/core/error.hpp>
#include <peft/core/worker.hpp>

namespace peft::ops {

#if defined(PEFT_GEMM_ONEDNN)
inline constexpr const char* gemm_backend = "oneDNN";
#elif defined(PEFT_GEMM_BLAS)
inline constexpr const char* gemm_backend = "BLAS";
#else
inline constexpr const char* gemm_backend = "Eigen";
#endif

/// One operand or result of a product on plain memory: `data`, rows `stride` elements apart, `transposed` when read so.
template <class T>
struct Operand {
  T* data;
  std::ptrdiff_t stride;
  bool transposed = false;
};

/// C (m, n) = beta C + alpha A B with A (m, k) and B (k, n), row-major, on the host. T: float, double.
template <class T>
void gemm_host(Extent m, Extent n, Extent k, T alpha, Operand<const T> a, Operand<const T> b, T beta, Operand<T> c);

/// The same on a device, one thread per element of C.
template <ExecutionSpace E, class T>
void gemm_device(const E& exec, Extent m, Extent n, Extent k, T alpha, Operand<const T> a, Operand<const T> b, T beta,
                 Operand<T> c) {
  using Policy = Kokkos::RangePolicy<E, Kokkos::IndexType<std::int64_t>>;
  Kokkos::parallel_for(
      "peft::gemm", Policy(exec, 0, static_cast<std::int64_t>(m) * n), KOKKOS_LAMBDA(std::int64_t ij) {
        const auto i = ij / n, j = ij % n;
        T sum = 0;
        for (Extent l = 0; l < k; ++l)
          sum += (a.transposed ? a.data[l * a.stride + i] : a.data[i * a.stride + l]) *
                 (b.transposed ? b.data[j * b.stride + l] : b.data[l * b.stride + j]);
        T& out = c.data[i * c.stride + j];
        out = (beta == T(0) ? T(0) : beta * out) + alpha * sum;
      });
}

template <ExecutionSpace E, class T>
void gemm(OnWorker<E> on, Extent m, Extent n, Extent k, T alpha, Operand<const T> a, Operand<const T> b, T beta,
          Operand<T> c) {
  if (on.w.planning() || m == 0 || n == 0) return;
  if constexpr (on_host<E>)
    gemm_host<T>(m, n, k, alpha, a, b, beta, c);
  else
    gemm_device<E, T>(on.w.exec, m, n, k, alpha, a, b, beta, c);
}

template <Matrix V>
Operand<const typename V::non_const_value_type> operand(const V& v) {
  return {v.data(), cols(v), false};
}
template <Matrix V>
Operand<const typename V::non_const_value_type> operand(const Transposed<V>& v) {
  return {v.matrix.data(), cols(v.matrix), true};
}
template <Matrix V>
Extent inner_extent(const V& a) {
  return cols(a);
}
template <Matrix V>
Extent inner_extent(const Transposed<V>& a) {
  return rows(a.matrix);
}
template <Matrix V>
Extent outer_extent(const V& b) {
  return rows(b);
}
template <Matrix V>
Extent outer_extent(const Transposed<V>& b) {
  return cols(b.matrix);
}

/// C (m, n) = beta C + alpha A B; A and B may be `t(...)`.
template <ExecutionSpace E, Matrix C, class A, class B>
void gemm(OnWorker<E> on, C c, const A& a, const B& b, double alpha = 1, double beta = 0) {
  using T = typename C::non_const_value_type;
  const Extent k = inner_extent(a);
  require(k == outer_extent(b), "gemm: inner extents differ: ", k, " and ", outer_extent(b));
  gemm<E, T>(on, rows(c), cols(c), k, static_cast<T>(alpha), operand(a), operand(b), static_cast<T>(beta),
             {c.data(), cols(c)});
}

}  // namespace peft::ops

#ifndef PEFT_SEPARATE
#include <peft/ops/gemm.ipp>
#endif
