// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cmath>
#include <cstdint>

#include <peft/core/rng.hpp>
#include <peft/ops/activation.hpp>
#include <peft/ops/tile.hpp>

namespace peft::ops {

/// Which rows attend to which: sequence s has query rows q_offsets[s] .. q_offsets[s+1] and key rows k_offsets[s] ..
/// k_offsets[s+1]. `q_segment`, `k_segment` name each row's sequence (read on a device only). Causal: query i of a sequence
/// sees its first i + 1 keys.
struct Segments {
  Extent sequences = 0, heads = 1;
  double scale = 1;
  bool causal = false;
  const int *q_offsets = nullptr, *k_offsets = nullptr;
  const int *q_segment = nullptr, *k_segment = nullptr;
  Extent longest_keys = 0;
};

/// The row of random bits of one query and head; features are key positions.
KOKKOS_INLINE_FUNCTION std::uint32_t attention_row(const Dropout& drop, int row, int head) {
  return rng::mix32(drop.row(row) + 0x9e3779b9u * static_cast<std::uint32_t>(head + 1));
}

/// Query rows that are in cache at a time.
inline constexpr Extent query_block = 48;

/// to (width, np) = the rows of `from` (n, width), transposed; the padding is zero.
template <class T>
void transpose_head(const T* from, std::ptrdiff_t stride, Extent n, Extent width, T* to, Extent np) {
  for (Extent c = 0; c < width; ++c) {
    for (Extent j = 0; j < n; ++j) to[c * np + j] = from[j * stride + c];
    for (Extent j = n; j < np; ++j) to[c * np + j] = 0;
  }
}

/// Rows of a head with whole packs of columns: in place when the width is a multiple of a pack, else copied.
template <class T>
struct HeadRows {
  const T* data;
  std::ptrdiff_t stride;
};
template <class T>
HeadRows<T> head_rows(const T* from, std::ptrdiff_t stride, Extent n, Extent width, Extent wp, T* scratch) {
  if (wp == width) return {from, stride};
  for (Extent i = 0; i < n; ++i)
    for (Extent c = 0; c < wp; ++c) scratch[i * wp + c] = c < width ? from[i * stride + c] : T(0);
  return {scratch, wp};
}

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

template <ExecutionSpace E, class T>
void attention_host(Worker<E>& w, const Segments& s, Mat<const T, E> q, Mat<const T, E> k, Mat<const T, E> v,
                    Mat<T, E> out, Mat<T, E> lse, const Dropout& drop) {
  auto scope = w.scope();
  const Extent d = cols(q), width = d / s.heads, wp = padded<T>(width), most = padded<T>(s.longest_keys);
  T* const kt = w.template temp<T>(width, most, "attention").data();
  T* const vp = w.template temp<T>(wp == width ? 0 : most, wp, "attention").data();
  T* const scores = w.template temp<T>(query_block, most, "attention").data();
  T* const result = w.template temp<T>(query_block, wp, "attention").data();
  if (w.planning()) return;
  const T scale = static_cast<T>(s.scale), kept = static_cast<T>(drop.active() ? drop.scale : 1);
  for (Extent sequence = 0; sequence < s.sequences; ++sequence) {
    const Extent q0 = s.q_offsets[sequence], queries = s.q_offsets[sequence + 1] - q0;
    const Extent k0 = s.k_offsets[sequence], keys = s.k_offsets[sequence + 1] - k0, np = padded<T>(keys);
    for (Extent h = 0; h < s.heads; ++h) {
      transpose_head(&k(k0, h * width), d, keys, width, kt, np);
      const auto values = head_rows(&v(k0, h * width), d, keys, width, wp, vp);
      for (Extent i0 = 0; i0 < queries; i0 += query_block) {
        const Extent block = std::min(query_block, queries - i0);
        small_product<T>(block, np, width, &q(q0 + i0, h * width), d, 1, kt, np, scores, np, false);
        T inverse[query_block];
        for (Extent i = 0; i < block; ++i) {
          T* const p = scores + i * np;
          const Extent seen = s.causal ? i0 + i + 1 : keys;
          const T top = largest_of(p, seen) * scale;
          exponentiate(p, seen, np, scale, top);
          const T sum = sum_of(p, np);
          inverse[i] = kept / sum;
          if (!empty(lse)) lse(q0 + i0 + i, h) = top + std::log(sum);
          if (drop.active()) {
            const std::uint32_t key = attention_row(drop, q0 + i0 + i, h);
            for (Extent j = 0; j < np; ++j) p[j] = drop.keeps(key, static_cast<std::uint32_t>(j)) ? p[j] : T(0);
          }
        }
        small_product<T>(block, wp, keys, scores, np, 1, values.data, values.stride, result, wp, false);
        for (Extent i = 0; i < block; ++i)
          for (Extent c = 0; c < width; ++c) out(q0 + i0 + i, h * width + c) = result[i * wp + c] * inverse[i];
      }
    }
  }
}

template <ExecutionSpace E, class T>
void attention_backward_host(Worker<E>& w, const Segments& s, Mat<const T, E> q, Mat<const T, E> k, Mat<const T, E> v,
                             Mat<const T, E> lse, Mat<const T, E> dout, Mat<T, E> dq, Mat<T, E> dk, Mat<T, E> dv,
                             const Dropout& drop) {
  auto scope = w.scope();
  const Extent d = cols(q), width = d / s.heads, wp = padded<T>(width), most = padded<T>(s.longest_keys);
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
  if (w.planning()) return;
  const T scale = static_cast<T>(s.scale), kept = static_cast<T>(drop.active() ? drop.scale : 1);
  const bool want_q = !empty(dq), want_k = !empty(dk);
  for (Extent sequence = 0; sequence < s.sequences; ++sequence) {
    const Extent q0 = s.q_offsets[sequence], queries = s.q_offsets[sequence + 1] - q0;
    const Extent k0 = s.k_offsets[sequence], keys = s.k_offsets[sequence + 1] - k0, np = padded<T>(keys);
    for (Extent h = 0; h < s.heads; ++h) {
      const Extent at = h * width;
      transpose_head(&k(k0, at), d, keys, width, kt, np);
      transpose_head(&v(k0, at), d, keys, width, vt, np);
      const auto key_rows = head_rows(&k(k0, at), d, keys, width, wp, kp);
      for (Extent i0 = 0; i0 < queries; i0 += query_block) {
        const Extent block = std::min(query_block, queries - i0), row0 = q0 + i0;
        small_product<T>(block, np, width, &q(row0, at), d, 1, kt, np, scores, np, false);
        small_product<T>(block, np, width, &dout(row0, at), d, 1, vt, np, slopes, np, false);
        for (Extent i = 0; i < block; ++i) {
          T *const p = scores + i * np, *const g = slopes + i * np;
          const Extent seen = s.causal ? i0 + i + 1 : keys;
          exponentiate(p, seen, np, scale, lse(row0 + i, h));
          const std::uint32_t key = drop.active() ? attention_row(drop, row0 + i, h) : 0;
          if (drop.active())
            for (Extent j = 0; j < np; ++j) g[j] = drop.keeps(key, static_cast<std::uint32_t>(j)) ? g[j] * kept : T(0);
          Pack<T> part{};
          for (Extent j = 0; j < np; j += lanes<T>)
            part += *reinterpret_cast<Pack<T>*>(p + j) * *reinterpret_cast<Pack<T>*>(g + j);
          T dot = 0;
          for (Extent c = 0; c < lanes<T>; ++c) dot += part[c];
          for (Extent j = 0; j < np; ++j) g[j] = p[j] * (g[j] - dot) * scale;
          if (drop.active())
            for (Extent j = 0; j < np; ++j) p[j] = drop.keeps(key, static_cast<std::uint32_t>(j)) ? p[j] * kept : T(0);
        }
        const auto o = head_rows(&dout(row0, at), d, block, width, wp, op);
        small_product<T>(keys, wp, block, scores, 1, np, o.data, o.stride, gv, wp, i0 > 0);
        if (want_k) {
          const auto asked = head_rows(&q(row0, at), d, block, width, wp, qp);
          small_product<T>(keys, wp, block, slopes, 1, np, asked.data, asked.stride, gk, wp, i0 > 0);
        }
        if (!want_q) continue;
        small_product<T>(block, wp, keys, slopes, np, 1, key_rows.data, key_rows.stride, result, wp, false);
        for (Extent i = 0; i < block; ++i)
          for (Extent c = 0; c < width; ++c) dq(row0 + i, at + c) = result[i * wp + c];
      }
      for (Extent j = 0; j < keys; ++j)
        for (Extent c = 0; c < width; ++c) {
          if (want_k) dk(k0 + j, at + c) = gk[j * wp + c];
          dv(k0 + j, at + c) = gv[j * wp + c];
        }
    }
  }
}

}  // namespace peft::ops
