// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <peft/ops/attention_device.hpp>
#include <peft/ops/attention_host.hpp>

namespace peft::ops {

/// out = softmax(scale (Q K' + bias)) V per sequence and head, on packed sequences, without ever forming the scores of
/// a batch. q, out (query rows, heads width); k, v (key rows, key_heads width); lse (query rows, heads) keeps
/// log-sum-exp, all that backward needs; it may be empty when nothing crosses. Dropout falls on the probabilities.
template <ExecutionSpace E, class T, class Bias = NoBias>
void attention(OnWorker<E> c, const Segments& s, ReadOnly<T, E> q, ReadOnly<T, E> k, ReadOnly<T, E> v, Mat<T, E> out,
               Mat<T, E> lse, const Dropout& drop, const Bias& bias = {}) {
  if constexpr (on_host<E>)
    attention_host<E, T>(c.w, s, q, k, v, out, lse, drop, bias);
  else
    attention_device<E, T>(c.w, s, q, k, v, out, lse, drop, bias);
}

/// dq (query rows, heads width), dk, dv (key rows, key_heads width) from dout; dq and dk may be empty when no gradient
/// is wanted there. dq may be q, dk may be k, dv may be v. Rows of dk and dv that belong to no sequence's keys stay as
/// they are.
template <ExecutionSpace E, class T, class Bias = NoBias>
void attention_backward(OnWorker<E> c, const Segments& s, ReadOnly<T, E> q, ReadOnly<T, E> k, ReadOnly<T, E> v,
                        ReadOnly<T, E> lse, ReadOnly<T, E> dout, Mat<T, E> dq, Mat<T, E> dk, Mat<T, E> dv,
                        const Dropout& drop, const Bias& bias = {}) {
  if constexpr (on_host<E>)
    attention_backward_host<E, T>(c.w, s, q, k, v, lse, dout, dq, dk, dv, drop, bias);
  else
    attention_backward_device<E, T>(c.w, s, q, k, v, lse, dout, dq, dk, dv, drop, bias);
}

}  // namespace peft::ops
