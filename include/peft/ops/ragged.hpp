// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <peft/ops/ragged_device.hpp>
#include <peft/ops/ragged_host.hpp>

namespace peft::ops {

/// A matrix (queries, keys) for every sequence, and which rows they belong to.
template <class V>
struct Ragged {
  Segments segments;
  V p;  // (1, their entries, one sequence after another)
};

/// p (1, total): for sequence s a matrix (queries, keys), row-major, one sequence after another: the mean over the
/// heads of softmax(scale (q k' + bias)), without dropout. q (query rows, heads width), k (key rows, key_heads width).
/// 0 where causality hides a key.
template <ExecutionSpace E, class T, class Bias>
void attention_mean(OnWorker<E> c, const Segments& s, ReadOnly<T, E> q, ReadOnly<T, E> k, const Bias& bias,
                    Mat<T, E> p) {
  if constexpr (on_host<E>)
    attention_mean_host<E, T>(c.w, s, q, k, bias, p);
  else
    attention_mean_device<E, T>(c.w, s, q, k, bias, p);
}
template <ExecutionSpace E, class T>
void attention_mean(OnWorker<E> c, const Segments& s, ReadOnly<T, E> q, ReadOnly<T, E> k, Mat<T, E> p) {
  attention_mean<E, T>(c, s, q, k, NoBias{}, p);
}

/// out (query rows, c) = P h per sequence, with p as `attention_mean` leaves it and h (key rows, c).
template <ExecutionSpace E, class T>
void ragged_product(OnWorker<E> c, const Segments& s, ReadOnly<T, E> p, ReadOnly<T, E> h, Mat<T, E> out) {
  if constexpr (on_host<E>)
    ragged_product_host<E, T>(c.w, s, p, h, out);
  else
    ragged_product_device<E, T>(c.w, s, p, h, out);
}

/// dh (key rows, c) += P' dout per sequence. p is no parameter: it has no gradient.
template <ExecutionSpace E, class T>
void ragged_product_backward(OnWorker<E> c, const Segments& s, ReadOnly<T, E> p, ReadOnly<T, E> dout, Mat<T, E> dh) {
  if constexpr (on_host<E>)
    ragged_product_backward_host<E, T>(c.w, s, p, dout, dh);
  else
    ragged_product_backward_device<E, T>(c.w, s, p, dout, dh);
}

}  // namespace peft::ops
