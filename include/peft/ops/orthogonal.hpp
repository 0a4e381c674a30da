// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <peft/ops/gemm.hpp>
#include <peft/ops/map.hpp>

namespace peft::ops {

/// D -= I, square.
template <ExecutionSpace E, class T>
void subtract_identity(OnWorker<E> c, Mat<T, E> D) {
  for_rows(c, "peft::subtract_identity", rows(D), KOKKOS_LAMBDA(Extent i) { D(i, i) -= T(1); });
}

/// D = A B - I, square; A and B may be `t(...)`.
template <ExecutionSpace E, class T, class A, class B>
void defect(OnWorker<E> c, Mat<T, E> D, const A& a, const B& b) {
  gemm(c, D, a, b);
  subtract_identity(c, D);
}

/// D / |D|_F of a small matrix; zero stays zero.
template <ExecutionSpace E, class T>
void to_unit_norm(OnWorker<E> c, Mat<T, E> D) {
  const std::int64_t n = static_cast<std::int64_t>(D.size());
  T* const p = D.data();
  for_rows(
      c, "peft::to_unit_norm", 1, KOKKOS_LAMBDA(Extent) {
        T sum = 0;
        for (std::int64_t i = 0; i < n; ++i) sum += p[i] * p[i];
        const T inverse = sum > 0 ? T(1) / Kokkos::sqrt(sum) : T(0);
        for (std::int64_t i = 0; i < n; ++i) p[i] *= inverse;
      });
}

}  // namespace peft::ops
