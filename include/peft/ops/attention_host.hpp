// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <cmath>
#include <cstdint>

#include <peft/core/worker.hpp>
#include <peft/ops/activation.hpp>
#include <peft/ops/head_rows.hpp>
#include <peft/ops/no_bias.hpp>

namespace peft::ops {

/// s (block, np) = probabilities before dropout of a block of raw scores; sum and maximum give lse.
template <class T>
void exponentiate(T* s, Extent keys, Extent np, T scale, T shift) {
  for (Extent j = 0; j < np; j += lanes<T>)
    for (Extent k = 0; k < lanes<T>; ++k) s[j + k] = fast_exp(s[j + k] * scale - shift);
  for (Extent j = keys; j < np; ++j) s[j] = 0;
}

template <class T>
T sum_of(const T* s, Extent np) {
  Pack<T> part{};
  for (Extent j = 0; j < np; j += lanes<T>) part += *reinterpret_cast<const Pack<T>*>(s + j);
  T total = 0;
  for (Extent k = 0; k < lanes<T>; ++k) total += part[k];
  return total;
}

template <class T>
T largest_of(const T* s, Extent n) {
  T part[lanes<T>];
  for (Extent k = 0; k < lanes<T>; ++k) part[k] = s[0];
  Extent j = 0;
  for (; j + lanes<T> <= n; j += lanes<T>)
    for (Extent k = 0; k < lanes<T>; ++k) part[k] = s[j + k] > part[k] ? s[j + k] : part[k];
  for (Extent k = 0; j + k < n; ++k) part[k] = s[j + k] > part[k] ? s[j + k] : part[k];
  T top = part[0];
  for (Extent k = 1; k < lanes<T>; ++k) top = part[k] > top ? part[k] : top;
  return top;
}

template <class T>
Place place(const Segments& s, Extent sequence) {
  const Extent keys = s.keys(sequence);
  return {s.q_offsets[sequence], s.queries(sequence), s.k_offsets[sequence], keys, padded<T>(keys), s.lag(sequence)};
}

/// The block that begins with query i0. Of causal scores it holds those that its last query sees.
template <class T>
Block block(const Segments& s, const Place& at, Extent i0) {
  const Extent count = std::min(query_block, at.queries - i0), keys = s.causal ? at.lag + i0 + count : at.keys;
  return {i0, count, keys, padded<T>(keys)};
}

template <ExecutionSpace E, class T, class Bias>
void attention_host(Worker<E>& w, const Segments& s, Mat<const T, E> q, Mat<const T, E> k, Mat<const T, E> v,
                    Mat<T, E> out, Mat<T, E> lse, const Dropout& drop, const Bias& bias) {
  auto scope = w.scope();
  const Extent d = cols(q), kd = cols(k), width = d / s.heads, wp = padded<T>(width), most = padded<T>(s.longest_keys);
  T* const kt = w.template temp<T>(width, most, "attention").data();
  T* const vp = w.template temp<T>(wp == width ? 0 : most, wp, "attention").data();
  T* const scores = w.template temp<T>(query_block, most, "attention").data();
  T* const result = w.template temp<T>(query_block, wp, "attention").data();
  [[maybe_unused]] typename Bias::OnHost biased(w, s, bias, width, false);
  if (w.planning()) return;
  const T scale = static_cast<T>(s.scale), kept = static_cast<T>(drop.active() ? drop.scale : 1);
  const Extent pairs = s.head_pairs(), group = s.queries_per_key();
  for (Extent sequence = 0; sequence < s.sequences; ++sequence) {
    const Place at = place<T>(s, sequence);
    HeadRows<T> values{};
    for (Extent h = 0; h < pairs * group; ++h) {
      const Extent of_keys = h / group * width, of_queries = h * width;
      if (h % group == 0) {
        transpose_head(&k(at.k0, of_keys), kd, at.keys, width, kt, at.padded_keys);
        values = head_rows(&v(at.k0, of_keys), kd, at.keys, width, wp, vp);
      }
      if constexpr (Bias::present) biased.head(at, h, kt);
      for (Extent i0 = 0; i0 < at.queries; i0 += query_block) {
        const Block b = block<T>(s, at, i0);
        const T* const asked = &q(at.q0 + i0, of_queries);
        small_product<T>(b.count, b.stride, width, asked, d, 1, kt, at.padded_keys, scores, b.stride, false);
        if constexpr (Bias::present) biased.add(b, {asked, d}, scores);
        T inverse[query_block];
        for (Extent i = 0; i < b.count; ++i) {
          T* const p = scores + i * b.stride;
          const Extent row = at.q0 + i0 + i, seen = s.causal ? at.lag + i0 + i + 1 : at.keys;
          const T top = largest_of(p, seen) * scale;
          exponentiate(p, seen, b.stride, scale, top);
          const T sum = sum_of(p, b.stride);
          inverse[i] = kept / sum;
          if (!empty(lse)) lse(row, h) = top + std::log(sum);
          if (drop.active()) {
            const std::uint32_t key = attention_row(drop, row, h);
            for (Extent j = 0; j < b.stride; ++j) p[j] = drop.keeps(key, static_cast<std::uint32_t>(j)) ? p[j] : T(0);
          }
        }
        small_product<T>(b.count, wp, b.keys, scores, b.stride, 1, values.data, values.stride, result, wp, false);
        for (Extent i = 0; i < b.count; ++i)
          for (Extent c = 0; c < width; ++c) out(at.q0 + i0 + i, of_queries + c) = result[i * wp + c] * inverse[i];
      }
    }
  }
}

template <ExecutionSpace E, class T, class Bias>
void attention_backward_host(Worker<E>& w, const Segments& s, Mat<const T, E> q, Mat<const T, E> k, Mat<const T, E> v,
                             Mat<const T, E> lse, Mat<const T, E> dout, Mat<T, E> dq, Mat<T, E> dk, Mat<T, E> dv,
                             const Dropout& drop, const Bias& bias) {
  auto scope = w.scope();
  const Extent d = cols(q), kd = cols(k), width = d / s.heads, wp = padded<T>(width), most = padded<T>(s.longest_keys);
  const Extent copied = wp == width ? 0 : most, block_copied = wp == width ? 0 : query_block;
  T* const kt = w.template temp<T>(width, most, "attention").data();
  T* const vt = w.template temp<T>(width, most, "attention").data();
  T* const kp = w.template temp<T>(copied, wp, "attention").data();
  T* const qp = w.template temp<T>(block_copied, wp, "attention").data();
  T* const op = w.template temp<T>(block_copied, wp, "attention").data();
  T* const scores = w.template temp<T>(query_block, most, "attention").data();
  T* const slopes = w.template temp<T>(query_block, most, "attention").data();
  T* const result = w.template temp<T>(query_block, wp, "attention").data();
  T* const gk = w.template temp<T>(most, wp, "attention").data();
  T* const gv = w.template temp<T>(most, wp, "attention").data();
  [[maybe_unused]] typename Bias::OnHost biased(w, s, bias, width, true);
  if (w.planning()) return;
  const T scale = static_cast<T>(s.scale), kept = static_cast<T>(drop.active() ? drop.scale : 1);
  const bool want_q = !empty(dq), want_k = !empty(dk);
  const Extent pairs = s.head_pairs(), group = s.queries_per_key();
  for (Extent sequence = 0; sequence < s.sequences; ++sequence) {
    const Place at = place<T>(s, sequence);
    HeadRows<T> key_rows{};
    for (Extent h = 0; h < pairs * group; ++h) {
      const Extent of_keys = h / group * width, of_queries = h * width;
      // The heads that share keys and values follow one another; gk and gv are sums over all of them.
      const bool opens = h % group == 0, closes = h % group == group - 1;
      if (opens) {
        transpose_head(&k(at.k0, of_keys), kd, at.keys, width, kt, at.padded_keys);
        transpose_head(&v(at.k0, of_keys), kd, at.keys, width, vt, at.padded_keys);
        key_rows = head_rows(&k(at.k0, of_keys), kd, at.keys, width, wp, kp);
        // A block of causal queries reaches only some keys, so it cannot give all sums their first value.
        if (s.causal || at.queries == 0) std::fill(gk, gk + at.keys * wp, T(0)), std::fill(gv, gv + at.keys * wp, T(0));
      }
      if constexpr (Bias::present) biased.head(at, h, kt);
      for (Extent i0 = 0; i0 < at.queries; i0 += query_block) {
        const Block b = block<T>(s, at, i0);
        const Extent row0 = at.q0 + i0;
        const bool more = !opens || i0 > 0 || s.causal;
        small_product<T>(b.count, b.stride, width, &q(row0, of_queries), d, 1, kt, at.padded_keys, scores, b.stride,
                         false);
        small_product<T>(b.count, b.stride, width, &dout(row0, of_queries), d, 1, vt, at.padded_keys, slopes, b.stride,
                         false);
        if constexpr (Bias::present) biased.add(b, {&q(row0, of_queries), d}, scores);
        for (Extent i = 0; i < b.count; ++i) {
          T *const p = scores + i * b.stride, *const g = slopes + i * b.stride;
          const Extent seen = s.causal ? at.lag + i0 + i + 1 : at.keys;
          exponentiate(p, seen, b.stride, scale, lse(row0 + i, h));
          const std::uint32_t key = drop.active() ? attention_row(drop, row0 + i, h) : 0;
          if (drop.active())
            for (Extent j = 0; j < b.stride; ++j)
              g[j] = drop.keeps(key, static_cast<std::uint32_t>(j)) ? g[j] * kept : T(0);
          Pack<T> part{};
          for (Extent j = 0; j < b.stride; j += lanes<T>)
            part += *reinterpret_cast<Pack<T>*>(p + j) * *reinterpret_cast<Pack<T>*>(g + j);
          T dot = 0;
          for (Extent c = 0; c < lanes<T>; ++c) dot += part[c];
          for (Extent j = 0; j < b.stride; ++j) g[j] = p[j] * (g[j] - dot) * scale;
          if (drop.active())
            for (Extent j = 0; j < b.stride; ++j)
              p[j] = drop.keeps(key, static_cast<std::uint32_t>(j)) ? p[j] * kept : T(0);
        }
        const auto o = head_rows(&dout(row0, of_queries), d, b.count, width, wp, op);
        small_product<T>(b.keys, wp, b.count, scores, 1, b.stride, o.data, o.stride, gv, wp, more);
        if (want_k || Bias::present) {
          const auto asked = head_rows(&q(row0, of_queries), d, b.count, width, wp, qp);
          if (want_k)
            small_product<T>(b.keys, wp, b.count, slopes, 1, b.stride, asked.data, asked.stride, gk, wp, more);
          if constexpr (Bias::present) biased.backward(b, asked, slopes);
        }
        if (!want_q) continue;
        small_product<T>(b.count, wp, b.keys, slopes, b.stride, 1, key_rows.data, key_rows.stride, result, wp, false);
        if constexpr (Bias::present) biased.add_to_queries(b, result);
        for (Extent i = 0; i < b.count; ++i)
          for (Extent c = 0; c < width; ++c) dq(row0 + i, of_queries + c) = result[i * wp + c];
      }
      if constexpr (Bias::present) biased.end_head(key_rows, want_k ? gk : nullptr);
      if (!closes) continue;
      for (Extent j = 0; j < at.keys; ++j)
        for (Extent c = 0; c < width; ++c) {
          if (want_k) dk(at.k0 + j, of_keys + c) = gk[j * wp + c];
          dv(at.k0 + j, of_keys + c) = gv[j * wp + c];
        }
    }
  }
}

}  // namespace peft::ops
