// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <peft/ops/map.hpp>
#include <peft/ops/no_bias.hpp>

namespace peft::ops {

/// The score of one query and key before its scale; q and k point at the head's columns, `behind`: the query's position
/// less the key's.
template <class T, class Bias>
KOKKOS_INLINE_FUNCTION T raw_score(const Bias& bias, const HeadAt<T>& at, Extent behind, const T* q, const T* k) {
  T x = 0;
  for (Extent c = 0; c < at.width; ++c) x += q[c] * k[c];
  return x + bias.score(bias.row(behind), at, q, k);
}

/// What every thread of a backward on a device reads.
template <class T, ExecutionSpace E, class Bias>
struct DeviceScores {
  Segments s;
  Mat<const T, E> q, k, v, lse, dout;
  Mat<T, E> dots;  // (query rows, heads) sum over keys of p dp
  Dropout drop;
  bool dropping;
  Bias bias;

  KOKKOS_FUNCTION HeadAt<T> at(Extent h) const {
    const Extent width = static_cast<Extent>(q.extent(1)) / s.heads;
    return {h, h * width, h / s.queries_per_key() * width, width, static_cast<T>(s.scale)};
  }
  /// The probability of query row i and key j of its sequence before dropout, and the gradient dp of what dropout made
  /// of it.
  KOKKOS_FUNCTION void one(const HeadAt<T>& a, Extent sequence, Extent i, Extent j, T& p, T& dp, bool& kept) const {
    const Extent row = s.k_offsets[sequence] + j;
    p = Kokkos::exp(
        raw_score(bias, a, i - s.q_offsets[sequence] + s.lag(sequence) - j, &q(i, a.of_queries), &k(row, a.of_keys)) *
            a.scale -
        lse(i, a.head));
    dp = 0;
    kept = !dropping || drop.keeps(attention_row(drop, i, a.head), static_cast<std::uint32_t>(j));
    if (!kept) return;
    for (Extent c = 0; c < a.width; ++c) dp += dout(i, a.of_queries + c) * v(row, a.of_keys + c);
    if (dropping) dp *= static_cast<T>(drop.scale);
  }
  /// The gradient of the score before its scale.
  KOKKOS_FUNCTION T slope(const HeadAt<T>& a, Extent sequence, Extent i, Extent j) const {
    T p, dp;
    bool kept;
    one(a, sequence, i, j, p, dp, kept);
    return p * (dp - dots(i, a.head)) * a.scale;
  }
};

template <ExecutionSpace E, class T, class Bias>
void attention_device(Worker<E>& w, const Segments& s, Mat<const T, E> q, Mat<const T, E> k, Mat<const T, E> v,
                      Mat<T, E> out, Mat<T, E> lse, const Dropout& drop, const Bias& bias) {
  const Extent heads = s.heads, width = cols(q) / heads, group = s.queries_per_key();
  const T keep = static_cast<T>(drop.active() ? drop.scale : 1);
  const bool dropping = drop.active(), keeping = !empty(lse);
  for_rows(
      w, "peft::attention", rows(q) * heads, KOKKOS_LAMBDA(Extent ih) {
        const Extent i = ih / heads, h = ih % heads, sequence = s.q_segment[i], begin = s.k_offsets[sequence];
        const Extent own = i - s.q_offsets[sequence], seen = s.seen(sequence, own), stands = own + s.lag(sequence);
        const HeadAt<T> at{h, h * width, h / group * width, width, static_cast<T>(s.scale)};
        const T* const qi = &q(i, at.of_queries);
        T* const oi = &out(i, at.of_queries);
        T top = -1e30, sum = 0;
        for (Extent j = 0; j < seen; ++j) {
          const T x = raw_score(bias, at, stands - j, qi, &k(begin + j, at.of_keys)) * at.scale;
          const T larger = x > top ? x : top;
          sum = sum * Kokkos::exp(top - larger) + Kokkos::exp(x - larger);
          top = larger;
        }
        for (Extent c = 0; c < width; ++c) oi[c] = 0;
        const std::uint32_t key = dropping ? attention_row(drop, i, h) : 0;
        for (Extent j = 0; j < seen; ++j) {
          if (dropping && !drop.keeps(key, static_cast<std::uint32_t>(j))) continue;
          const T x = raw_score(bias, at, stands - j, qi, &k(begin + j, at.of_keys)) * at.scale;
          const T p = Kokkos::exp(x - top) / sum * keep;
          for (Extent c = 0; c < width; ++c) oi[c] += p * v(begin + j, at.of_keys + c);
        }
        if (keeping) lse(i, h) = top + Kokkos::log(sum);
      });
}

template <ExecutionSpace E, class T, class Bias>
void attention_backward_device(Worker<E>& w, const Segments& s, Mat<const T, E> q, Mat<const T, E> k, Mat<const T, E> v,
                               Mat<const T, E> lse, Mat<const T, E> dout, Mat<T, E> dq, Mat<T, E> dk, Mat<T, E> dv,
                               const Dropout& drop, const Bias& bias) {
  const Extent heads = s.heads, width = cols(q) / heads, pairs = s.head_pairs(), group = s.queries_per_key();
  const T keep = static_cast<T>(drop.active() ? drop.scale : 1);
  auto scope = w.scope();
  // Results go to memory of their own first: another thread may still read q, k and v.
  Mat<T, E> dots = w.template temp<T>(rows(q), heads), nq = w.template temp<T>(rows(q), cols(q)),
            nk = w.template temp<T>(rows(k), cols(k)), nv = w.template temp<T>(rows(v), cols(v));
  const bool want_q = !empty(dq), want_k = !empty(dk);
  const DeviceScores<T, E, Bias> scores{s, q, k, v, lse, dout, dots, drop, drop.active(), bias};
  for_rows(
      w, "peft::attention_backward_q", rows(q) * heads, KOKKOS_LAMBDA(Extent ih) {
        const Extent i = ih / heads, h = ih % heads, sequence = s.q_segment[i];
        const HeadAt<T> at = scores.at(h);
        const Extent own = i - s.q_offsets[sequence], seen = s.seen(sequence, own), stands = own + s.lag(sequence);
        T dot = 0, p, dp;
        bool kept;
        for (Extent j = 0; j < seen; ++j) {
          scores.one(at, sequence, i, j, p, dp, kept);
          dot += p * dp;
        }
        dots(i, h) = dot;
        for (Extent c = 0; c < width; ++c) nq(i, at.of_queries + c) = 0;
        if (!want_q) return;
        for (Extent j = 0; j < seen; ++j) {
          scores.one(at, sequence, i, j, p, dp, kept);
          const T ds = p * (dp - dot) * at.scale;
          const Extent r = bias.row(stands - j);
          for (Extent c = 0; c < width; ++c)
            nq(i, at.of_queries + c) += ds * (k(s.k_offsets[sequence] + j, at.of_keys + c) + bias.by_query(r, at, c));
        }
      });
  for_rows(
      w, "peft::attention_backward_kv", rows(k) * pairs, KOKKOS_LAMBDA(Extent jg) {
        const Extent row = jg / pairs, g = jg % pairs, sequence = s.k_segment[row], column = g * width;
        const Extent j = row - s.k_offsets[sequence];
        const bool used = j < s.keys(sequence);
        for (Extent c = 0; c < width; ++c) {
          nk(row, column + c) = used || !want_k ? T(0) : dk(row, column + c);
          nv(row, column + c) = used ? T(0) : dv(row, column + c);
        }
        if (!used) return;
        const Extent hidden = s.causal && j > s.lag(sequence) ? j - s.lag(sequence) : 0, q0 = s.q_offsets[sequence];
        for (Extent h = g * group; h < (g + 1) * group; ++h) {
          const HeadAt<T> at = scores.at(h);
          for (Extent i = q0 + hidden; i < s.q_offsets[sequence + 1]; ++i) {
            T p, dp;
            bool kept;
            scores.one(at, sequence, i, j, p, dp, kept);
            const T ds = p * (dp - dots(i, h)) * at.scale;
            const Extent r = bias.row(i - q0 + s.lag(sequence) - j);
            for (Extent c = 0; c < width; ++c) {
              nk(row, column + c) += ds * (q(i, at.of_queries + c) + bias.by_key(r, at, c));
              if (kept) nv(row, column + c) += p * keep * dout(i, at.of_queries + c);
            }
          }
        }
      });
  // The gradient of a table, a thread per row and key head: it looks for the distances that share the row.
  const Extent longest = s.longest_keys;
  for_rows(
      w, "peft::attention_backward_bias", bias.collected() * pairs, KOKKOS_LAMBDA(Extent rg) {
        const Extent r = rg / pairs, g = rg % pairs;
        for (Extent behind = 1 - longest; behind < longest; ++behind) {
          if (bias.row(behind) != r) continue;
          for (Extent sequence = 0; sequence < s.sequences; ++sequence)
            for (Extent i = s.q_offsets[sequence]; i < s.q_offsets[sequence + 1]; ++i) {
              const Extent own = i - s.q_offsets[sequence], j = own + s.lag(sequence) - behind;
              if (j < 0 || j >= s.seen(sequence, own)) continue;
              for (Extent h = g * group; h < (g + 1) * group; ++h) {
                const HeadAt<T> at = scores.at(h);
                bias.collect(r, at, scores.slope(at, sequence, i, j), &q(i, at.of_queries),
                             &k(s.k_offsets[sequence] + j, at.of_keys));
              }
            }
        }
      });
  if (want_q) copy<E, T>(w, dq, nq);
  if (want_k) copy<E, T>(w, dk, nk);
  copy<E, T>(w, dv, nv);
}

}  // namespace peft::ops
