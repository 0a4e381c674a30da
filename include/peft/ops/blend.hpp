// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <peft/ops/recurrent.hpp>

namespace peft::ops {

/// y = m x + (1 - m) z with one m = sigmoid(a / temperature); a (1, 1), the rest (n, d). difference = x - z is what
/// backward reads. y may be x or z.
template <ExecutionSpace E, class T>
void blend(OnWorker<E> c, ReadOnly<T, E> a, double temperature, ReadOnly<T, E> x, ReadOnly<T, E> z, Mat<T, E> y,
           Mat<T, E> difference) {
  const Extent d = cols(y);
  const T cooled = static_cast<T>(1 / temperature);
  for_rows(
      c, "peft::blend", rows(y), KOKKOS_LAMBDA(Extent i) {
        const T m = sigmoid(a(0, 0) * cooled);
        const T *const xi = &x(i, 0), *const zi = &z(i, 0);
        T *const yi = &y(i, 0), *const di = &difference(i, 0);
        for (Extent j = 0; j < d; ++j) {
          di[j] = xi[j] - zi[j];
          yi[j] = zi[j] + m * di[j];
        }
      });
}

/// dx = m dy, dz = (1 - m) dy, da += the sum of dy * difference, times dm/da. dx may be dy. dx and da may be empty: not
/// wanted.
template <ExecutionSpace E, class T>
void blend_backward(OnWorker<E> c, ReadOnly<T, E> a, double temperature, ReadOnly<T, E> difference, ReadOnly<T, E> dy,
                    Mat<T, E> dx, Mat<T, E> dz, Mat<T, E> da) {
  const auto scope = c.w.scope();
  const Extent n = rows(dy), d = cols(dy);
  const T cooled = static_cast<T>(1 / temperature);
  const bool through = !empty(dx);
  Mat<T, E> part = c.w.template temp<T>(n, 1);
  for_rows(
      c, "peft::blend_backward", n, KOKKOS_LAMBDA(Extent i) {
        const T m = sigmoid(a(0, 0) * cooled);
        const T *const gi = &dy(i, 0), *const di = &difference(i, 0);
        T* const zi = &dz(i, 0);
        T sum = 0;
        for (Extent j = 0; j < d; ++j) sum += gi[j] * di[j];
        for (Extent j = 0; j < d; ++j) zi[j] = (1 - m) * gi[j];
        if (through)
          for (Extent j = 0; j < d; ++j) dx(i, j) = m * gi[j];
        part(i, 0) = sum;
      });
  if (empty(da)) return;
  for_rows(
      c, "peft::blend_gate", 1, KOKKOS_LAMBDA(Extent) {
        const T m = sigmoid(a(0, 0) * cooled);
        T sum = 0;
        for (Extent i = 0; i < n; ++i) sum += part(i, 0);
        da(0, 0) += sum * m * (1 - m) * cooled;
      });
}

}  // namespace peft::ops
