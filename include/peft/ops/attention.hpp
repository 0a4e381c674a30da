// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <peft/ops/attention_host.hpp>

namespace peft::ops {

/// out = softmax(scale Q K') V per sequence and head, on packed sequences, without ever forming the scores of a batch.
/// q, out (query rows, d); k, v (key rows, d); lse (query rows, heads) keeps log-sum-exp, all that backward needs; it may be
/// empty when nothing crosses. Dropout falls on the probabilities.
template <ExecutionSpace E, class T>
void attention(Worker<E>& w, const Segments& s, Mat<const T, E> q, Mat<const T, E> k, Mat<const T, E> v, Mat<T, E> out,
               Mat<T, E> lse, const Dropout& drop) {
  if constexpr (on_host<E>) {
    attention_host<E, T>(w, s, q, k, v, out, lse, drop);
  } else {
    const Extent heads = s.heads, width = cols(q) / heads;
    const T scale = static_cast<T>(s.scale), keep = static_cast<T>(drop.scale);
    const bool dropping = drop.active(), causal = s.causal, keeping = !empty(lse);
    const int *ko = s.k_offsets, *qo = s.q_offsets, *segment = s.q_segment;
    for_rows(w, "peft::attention", rows(q) * heads, KOKKOS_LAMBDA(Extent ih) {
      const Extent i = ih / heads, h = ih % heads, sequence = segment[i];
      const Extent begin = ko[sequence], end = causal ? begin + (i - qo[sequence]) + 1 : ko[sequence + 1];
      const T* const qi = &q(i, h * width);
      T* const oi = &out(i, h * width);
      T top = -1e30, sum = 0;
      for (Extent j = begin; j < end; ++j) {
        T x = 0;
        for (Extent c = 0; c < width; ++c) x += qi[c] * k(j, h * width + c);
        const T larger = x * scale > top ? x * scale : top;
        sum = sum * Kokkos::exp(top - larger) + Kokkos::exp(x * scale - larger);
        top = larger;
      }
      for (Extent c = 0; c < width; ++c) oi[c] = 0;
      const std::uint32_t key = dropping ? attention_row(drop, i, h) : 0;
      for (Extent j = begin; j < end; ++j) {
        if (dropping && !drop.keeps(key, static_cast<std::uint32_t>(j - begin))) continue;
        T x = 0;
        for (Extent c = 0; c < width; ++c) x += qi[c] * k(j, h * width + c);
        const T p = Kokkos::exp(x * scale - top) / sum * keep;
        for (Extent c = 0; c < width; ++c) oi[c] += p * v(j, h * width + c);
      }
      if (keeping) lse(i, h) = top + Kokkos::log(sum);
    });
  }
}

/// dq (query rows, d), dk, dv (key rows, d) from dout; dq and dk may be empty when no gradient is wanted there. dq may be q,
/// dk may be k, dv may be v.
template <ExecutionSpace E, class T>
void attention_backward(Worker<E>& w, const Segments& s, Mat<const T, E> q, Mat<const T, E> k, Mat<const T, E> v,
                        Mat<const T, E> lse, Mat<const T, E> dout, Mat<T, E> dq, Mat<T, E> dk, Mat<T, E> dv,
                        const Dropout& drop) {
  if constexpr (on_host<E>) {
    attention_backward_host<E, T>(w, s, q, k, v, lse, dout, dq, dk, dv, drop);
  } else {
    const Extent heads = s.heads, width = cols(q) / heads;
    const T scale = static_cast<T>(s.scale), keep = static_cast<T>(drop.scale);
    const bool dropping = drop.active(), causal = s.causal;
    const int *ko = s.k_offsets, *qo = s.q_offsets, *of_query = s.q_segment, *of_key = s.k_segment;
    auto scope = w.scope();
    // Results go to memory of their own first: another thread may still read q, k and v.
    Mat<T, E> dots = w.template temp<T>(rows(q), heads), nq = w.template temp<T>(rows(q), cols(q)),
              nk = w.template temp<T>(rows(k), cols(k)), nv = w.template temp<T>(rows(v), cols(v));
    const bool want_q = !empty(dq), want_k = !empty(dk);
    for_rows(w, "peft::attention_backward_q", rows(q) * heads, KOKKOS_LAMBDA(Extent ih) {
      const Extent i = ih / heads, h = ih % heads, sequence = of_query[i], at = h * width;
      const Extent begin = ko[sequence], end = causal ? begin + (i - qo[sequence]) + 1 : ko[sequence + 1];
      const std::uint32_t key = dropping ? attention_row(drop, i, h) : 0;
      for (Extent c = 0; c < width; ++c) nq(i, at + c) = 0;
      T dot = 0;
      for (int pass = 0; pass < 2; ++pass)
        for (Extent j = begin; j < end; ++j) {
          T x = 0, dp = 0;
          for (Extent c = 0; c < width; ++c) {
            x += q(i, at + c) * k(j, at + c);
            dp += dout(i, at + c) * v(j, at + c);
          }
          const T p = Kokkos::exp(x * scale - lse(i, h));
          dp = dropping && !drop.keeps(key, static_cast<std::uint32_t>(j - begin)) ? T(0) : dp * keep;
          if (pass == 0)
            dot += p * dp;
          else
            for (Extent c = 0; c < width; ++c) nq(i, at + c) += p * (dp - dot) * scale * k(j, at + c);
        }
      dots(i, h) = dot;
    });
    for_rows(w, "peft::attention_backward_kv", rows(k) * heads, KOKKOS_LAMBDA(Extent jh) {
      const Extent j = jh / heads, h = jh % heads, sequence = of_key[j], at = h * width;
      for (Extent c = 0; c < width; ++c) nk(j, at + c) = nv(j, at + c) = 0;
      const Extent first = causal ? qo[sequence] + (j - ko[sequence]) : qo[sequence];
      for (Extent i = first; i < qo[sequence + 1]; ++i) {
        T x = 0, dp = 0;
        for (Extent c = 0; c < width; ++c) {
          x += q(i, at + c) * k(j, at + c);
          dp += dout(i, at + c) * v(j, at + c);
        }
        const T p = Kokkos::exp(x * scale - lse(i, h));
        const bool kept = !dropping || drop.keeps(attention_row(drop, i, h), static_cast<std::uint32_t>(j - ko[sequence]));
        const T ds = p * ((kept ? dp * keep : T(0)) - dots(i, h)) * scale;
        for (Extent c = 0; c < width; ++c) {
          nk(j, at + c) += ds * q(i, at + c);
          if (kept) nv(j, at + c) += p * keep * dout(i, at + c);
        }
      }
    });
    if (want_q) copy<E, T>(w, dq, nq);
    if (want_k) copy<E, T>(w, dk, nk);
    copy<E, T>(w, dv, nv);
  }
}

}  // namespace peft::ops
