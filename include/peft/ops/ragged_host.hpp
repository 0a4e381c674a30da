// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <cstdint>

#include <peft/ops/attention_host.hpp>
#include <peft/ops/gemm.hpp>

namespace peft::ops {

template <ExecutionSpace E, class T, class Bias>
void attention_mean_host(Worker<E>& w, const Segments& s, Mat<const T, E> q, Mat<const T, E> k, const Bias& bias,
                         Mat<T, E> p) {
  auto scope = w.scope();
  const Extent d = cols(q), width = d / s.heads, most = padded<T>(s.longest_keys);
  T* const kt = w.template temp<T>(width, most, "attention").data();
  T* const scores = w.template temp<T>(query_block, most, "attention").data();
  [[maybe_unused]] typename Bias::OnHost biased(w, s, bias, width, false);
  if (w.planning()) return;
  const T scale = static_cast<T>(s.scale);
  const Extent pairs = s.head_pairs(), group = s.queries_per_key();
  std::int64_t offset = 0;
  for (Extent sequence = 0; sequence < s.sequences; ++sequence) {
    const Place at = place<T>(s, sequence);
    T* const mean = p.data() + offset;
    const std::int64_t size = static_cast<std::int64_t>(at.queries) * at.keys;
    offset += size;
    std::fill(mean, mean + size, T(0));
    for (Extent h = 0; h < pairs * group; ++h) {
      if (h % group == 0) transpose_head(&k(at.k0, h / group * width), cols(k), at.keys, width, kt, at.padded_keys);
      if constexpr (Bias::present) biased.head(at, h, kt);
      for (Extent i0 = 0; i0 < at.queries; i0 += query_block) {
        const Block b = block<T>(s, at, i0);
        const T* const asked = &q(at.q0 + i0, h * width);
        small_product<T>(b.count, b.stride, width, asked, d, 1, kt, at.padded_keys, scores, b.stride, false);
        if constexpr (Bias::present) biased.add(b, {asked, d}, scores);
        for (Extent i = 0; i < b.count; ++i) {
          T *const x = scores + i * b.stride, *const to = mean + static_cast<std::int64_t>(i0 + i) * at.keys;
          const Extent seen = s.causal ? at.lag + i0 + i + 1 : at.keys;
          exponentiate(x, seen, b.stride, scale, largest_of(x, seen) * scale);
          const T share = 1 / (static_cast<T>(s.heads) * sum_of(x, b.stride));
          for (Extent j = 0; j < seen; ++j) to[j] += share * x[j];
        }
      }
    }
  }
}

/// Runs f(query row, key row, queries, keys, the block of p) for every sequence.
template <class T, class F>
void for_ragged_blocks(const Segments& s, const T* p, const F& f) {
  for (Extent sequence = 0; sequence < s.sequences; ++sequence) {
    const Extent queries = s.queries(sequence), keys = s.keys(sequence);
    f(s.q_offsets[sequence], s.k_offsets[sequence], queries, keys, p);
    p += static_cast<std::int64_t>(queries) * keys;
  }
}

template <ExecutionSpace E, class T>
void ragged_product_host(Worker<E>& w, const Segments& s, Mat<const T, E> p, Mat<const T, E> h, Mat<T, E> out) {
  if (w.planning()) return;
  const Extent c = cols(h);
  for_ragged_blocks(s, p.data(), [&](Extent q0, Extent k0, Extent queries, Extent keys, const T* block) {
    gemm_host<T>(queries, c, keys, T(1), {block, keys}, {&h(k0, 0), c}, T(0), {&out(q0, 0), c});
  });
}

template <ExecutionSpace E, class T>
void ragged_product_backward_host(Worker<E>& w, const Segments& s, Mat<const T, E> p, Mat<const T, E> dout,
                                  Mat<T, E> dh) {
  if (w.planning()) return;
  const Extent c = cols(dh);
  for_ragged_blocks(s, p.data(), [&](Extent q0, Extent k0, Extent queries, Extent keys, const T* block) {
    gemm_host<T>(keys, c, queries, T(1), {block, keys, true}, {&dout(q0, 0), c}, T(1), {&dh(k0, 0), c});
  });
}

}  // namespace peft::ops
