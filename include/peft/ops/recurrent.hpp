// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <peft/ops/activation.hpp>

namespace peft::ops {

/// 1 / (1 + exp(-x)), branch free.
template <class T>
KOKKOS_INLINE_FUNCTION T sigmoid(T x) {
  return T(1) / (T(1) + fast_exp(-x));
}

/// One step of an LSTM cell. a (n, 4k): the sums before the gates i, f, g, o, replaced by their values.
///   state = f before + i g,   h = o tanh(state).   state, h (n, k); `before` may be empty: zero.
template <ExecutionSpace E, class T>
void lstm(OnWorker<E> c, Mat<T, E> a, ReadOnly<T, E> before, Mat<T, E> state, Mat<T, E> h) {
  const Extent k = cols(h);
  const bool first = empty(before);
  for_rows(
      c, "peft::lstm", rows(h), KOKKOS_LAMBDA(Extent r) {
        T *const i = &a(r, 0), *const f = i + k, *const g = f + k, *const o = g + k, *const s = &state(r, 0),
                 *const hr = &h(r, 0);
        for (Extent j = 0; j < 2 * k; ++j) i[j] = sigmoid(i[j]);
        for (Extent j = 0; j < k; ++j) g[j] = fast_tanh(g[j]);
        for (Extent j = 0; j < k; ++j) o[j] = sigmoid(o[j]);
        if (first)
          for (Extent j = 0; j < k; ++j) s[j] = i[j] * g[j];
        else
          for (Extent j = 0; j < k; ++j) s[j] = f[j] * before(r, j) + i[j] * g[j];
        for (Extent j = 0; j < k; ++j) hr[j] = o[j] * fast_tanh(s[j]);
      });
}

/// Its backward: a (the gates' values) becomes the gradient of the sums. dh (n, k) is that of h; dstate that of the
/// state by the step after, and becomes that of `before`.
template <ExecutionSpace E, class T>
void lstm_backward(OnWorker<E> c, Mat<T, E> a, ReadOnly<T, E> before, ReadOnly<T, E> state, ReadOnly<T, E> dh,
                   Mat<T, E> dstate) {
  const Extent k = cols(dh);
  const bool first = empty(before);
  for_rows(
      c, "peft::lstm_backward", rows(dh), KOKKOS_LAMBDA(Extent r) {
        T *const i = &a(r, 0), *const f = i + k, *const g = f + k, *const o = g + k, *const ds = &dstate(r, 0);
        for (Extent j = 0; j < k; ++j) {
          const T y = fast_tanh(state(r, j)), d = ds[j] + dh(r, j) * o[j] * (1 - y * y),
                  past = first ? T(0) : before(r, j);
          ds[j] = d * f[j];
          o[j] = dh(r, j) * y * o[j] * (1 - o[j]);
          f[j] = d * past * f[j] * (1 - f[j]);
          const T in = i[j];
          i[j] = d * g[j] * in * (1 - in);
          g[j] = d * in * (1 - g[j] * g[j]);
        }
      });
}

/// One step of a GRU cell. a, u (n, 3k): the sums of the input and of the state before the gates r, z and the candidate
/// c.
///   r = sigmoid(a_r + u_r),  z = sigmoid(a_z + u_z),  c = tanh(a_c + r u_c),  h = (1 - z) c + z before.
/// a becomes r, z, c; u stays. `before` (n, k) may be empty: zero.
template <ExecutionSpace E, class T>
void gru(OnWorker<E> c, Mat<T, E> a, ReadOnly<T, E> u, ReadOnly<T, E> before, Mat<T, E> h) {
  const Extent k = cols(h);
  const bool first = empty(before);
  for_rows(
      c, "peft::gru", rows(h), KOKKOS_LAMBDA(Extent row) {
        T *const r = &a(row, 0), *const z = r + k, *const c = z + k, *const hr = &h(row, 0);
        const T* const ur = &u(row, 0);
        for (Extent j = 0; j < 2 * k; ++j) r[j] = sigmoid(r[j] + ur[j]);
        for (Extent j = 0; j < k; ++j) c[j] = fast_tanh(c[j] + r[j] * ur[2 * k + j]);
        if (first)
          for (Extent j = 0; j < k; ++j) hr[j] = (1 - z[j]) * c[j];
        else
          for (Extent j = 0; j < k; ++j) hr[j] = (1 - z[j]) * c[j] + z[j] * before(row, j);
      });
}

/// Its backward: a and u become the gradients of their sums, dh (n, k) what goes straight to the state before: z dh.
template <ExecutionSpace E, class T>
void gru_backward(OnWorker<E> c, Mat<T, E> a, Mat<T, E> u, ReadOnly<T, E> before, Mat<T, E> dh) {
  const Extent k = cols(dh);
  const bool first = empty(before);
  for_rows(
      c, "peft::gru_backward", rows(dh), KOKKOS_LAMBDA(Extent row) {
        T *const r = &a(row, 0), *const z = r + k, *const c = z + k, *const ur = &u(row, 0), *const d = &dh(row, 0);
        for (Extent j = 0; j < k; ++j) {
          const T past = first ? T(0) : before(row, j), keep = z[j], reset = r[j], y = c[j], dy = d[j];
          const T dc = dy * (1 - keep) * (1 - y * y), dz = dy * (past - y) * keep * (1 - keep);
          const T dr = dc * ur[2 * k + j] * reset * (1 - reset);
          r[j] = ur[j] = dr;
          z[j] = ur[k + j] = dz;
          c[j] = dc;
          ur[2 * k + j] = dc * reset;
          d[j] = dy * keep;
        }
      });
}

}  // namespace peft::ops
