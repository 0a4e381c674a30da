// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <cstddef>
#include <utility>

#include <peft/core/error.hpp>
#include <peft/core/worker.hpp>
#include <peft/ops/head_rows.hpp>
#include <peft/ops/no_bias.hpp>

namespace peft::ops {

/// Disentangled attention on the host, a head at a time: products of all queries of a block with the positions' keys
/// (C), and of all keys with the positions' queries (P), of which every score takes one number each. Backward puts the
/// gradients of scores back into such matrices and turns the products around.
template <class T, ExecutionSpace E, class Bias>
class DisentangledHost {
 public:
  DisentangledHost(Worker<E>& w, const Segments& s, const Bias& bias, Extent width, bool back)
      : bias_(bias),
        content_(!empty(bias.pos_k)),
        position_(!empty(bias.pos_q)),
        back_(back),
        width_(width),
        wp_(padded<T>(width)),
        group_(s.queries_per_key()),
        longest_(s.longest_keys) {
    const Extent table = bias.table_rows(), tp = padded<T>(table), most = padded<T>(longest_);
    const auto take = [&](bool wanted, Extent r, Extent c) {
      return w.template temp<T>(wanted ? r : 0, c, "attention bias").data();
    };
    const bool copied = wp_ != width;
    pk_t_ = take(content_, width, tp);
    c_ = take(content_, query_block, tp);
    p_ = take(position_, table, most + padding<T>);
    dp_ = take(position_ && back, table, most + padding<T>);
    table_ = take(back && copied, table, wp_);
    g_ = take(back, table, wp_);
    rows_ = w.template temp<int>(1, 2 * most, "attention bias").data();
    if (w.planning()) return;
    require(!content_ || !position_ || rows(bias.pos_k) == rows(bias.pos_q), "disentangled attention: tables of ",
            rows(bias.pos_k), " and ", rows(bias.pos_q), " rows");
    for (Extent t = 0; t < 2 * most; ++t) rows_[t] = bias.row(longest_ - 1 - t);
    const int* const middle = rows_ + longest_ - 1;
    while (exact_ + 1 < longest_ && middle[exact_ + 1] == middle[exact_] - 1 &&
           middle[-exact_ - 1] == middle[-exact_] + 1)
      ++exact_;
  }

  void head(const Place& at, Extent h, const T* kt) {
    require(at.queries + at.lag <= longest_, "disentangled attention: ", at.queries, " queries stand beyond ", longest_,
            " keys");
    at_ = at;
    of_queries_ = h * width_;
    of_keys_ = h / group_ * width_;
    low_ = row(at.lag, at.keys - 1);
    count_ = row(at.lag + at.queries - 1, 0) + 1 - low_;
    cp_ = padded<T>(count_);
    // Neighbouring keys read neighbouring rows: an odd number of cache lines apart they do not compete for the same
    // places.
    stride_ = at.padded_keys / padding<T> % 2 == 0 ? at.padded_keys + padding<T> : at.padded_keys;
    if (content_) transpose_head(&bias_.pos_k(low_, of_keys_), cols(bias_.pos_k), count_, width_, pk_t_, cp_);
    if (position_)
      small_product<T>(count_, at.padded_keys, width_, &bias_.pos_q(low_, of_queries_), cols(bias_.pos_q), 1, kt,
                       at.padded_keys, p_, stride_, false);
    if (!back_) return;
    if (content_) {
      pk_ = head_rows(&bias_.pos_k(low_, of_keys_), cols(bias_.pos_k), count_, width_, wp_, table_);
      std::fill(g_, g_ + count_ * wp_, T(0));
    }
    if (position_) std::fill(dp_, dp_ + static_cast<std::ptrdiff_t>(count_) * stride_, T(0));
  }

  void add(const Block& b, HeadRows<T> q, T* scores) {
    if (content_) {
      const Extent from = first(b) / padding<T> * padding<T>;
      small_product<T>(b.count, padded<T>(last(b) + 1 - from), width_, q.data, q.stride, 1, pk_t_ + from, cp_,
                       c_ + from, cp_, false);
    }
    for (Extent i = 0; i < b.count; ++i) {
      T* const to = scores + i * b.stride;
      const int* const r = line(b.first + i);
      if (content_) {
        const T* const c = c_ + i * cp_;
        const auto [begin, end] = exact(b, i);
        for (Extent j = 0; j < begin; ++j) to[j] += c[r[j] - low_];
        const T* const from = c + (r[begin] - low_);
        for (Extent j = begin; j < end; ++j) to[j] += from[begin - j];
        for (Extent j = end; j < b.keys; ++j) to[j] += c[r[j] - low_];
      }
      if (position_)
        for (Extent j = 0; j < b.keys; ++j) to[j] += p_[(r[j] - low_) * stride_ + j];
    }
  }

  /// `slopes`: the gradients of the scores before their scale; q with whole packs of columns.
  void backward(const Block& b, HeadRows<T> q, const T* slopes) {
    if (content_) {
      const Extent from = first(b), asked = last(b) + 1 - from;
      for (Extent i = 0; i < b.count; ++i) {
        T* const c = c_ + i * cp_;
        std::fill(c + from, c + from + asked, T(0));
        const int* const r = line(b.first + i);
        const T* const g = slopes + i * b.stride;
        const auto [begin, end] = exact(b, i);
        for (Extent j = 0; j < begin; ++j) c[r[j] - low_] += g[j];
        T* const to = c + (r[begin] - low_);
        for (Extent j = begin; j < end; ++j) to[begin - j] += g[j];
        for (Extent j = end; j < b.keys; ++j) c[r[j] - low_] += g[j];
      }
      if (!empty(bias_.dpos_k))
        small_product<T>(asked, wp_, b.count, c_ + from, 1, cp_, q.data, q.stride, g_ + from * wp_, wp_, true);
    }
    if (position_)
      for (Extent i = 0; i < b.count; ++i) {
        const int* const r = line(b.first + i);
        for (Extent j = 0; j < b.keys; ++j) dp_[(r[j] - low_) * stride_ + j] += slopes[i * b.stride + j];
      }
  }
  /// dq (count, padded width) of the block that `backward` was last called for.
  void add_to_queries(const Block& b, T* dq) {
    if (!content_) return;
    const Extent from = first(b), asked = last(b) + 1 - from;
    small_product<T>(b.count, wp_, asked, c_ + from, cp_, 1, pk_.data + from * pk_.stride, pk_.stride, dq, wp_, true);
  }
  /// dk (keys, padded width) may be nullptr.
  void end_head(HeadRows<T> k, T* dk) {
    if (content_ && !empty(bias_.dpos_k)) flush(bias_.dpos_k, of_keys_);
    if (!position_) return;
    if (dk != nullptr) {
      const auto pq = head_rows(&bias_.pos_q(low_, of_queries_), cols(bias_.pos_q), count_, width_, wp_, table_);
      small_product<T>(at_.keys, wp_, count_, dp_, 1, stride_, pq.data, pq.stride, dk, wp_, true);
    }
    if (empty(bias_.dpos_q)) return;
    small_product<T>(count_, wp_, at_.keys, dp_, stride_, 1, k.data, k.stride, g_, wp_, false);
    flush(bias_.dpos_q, of_queries_);
  }

 private:
  void flush(const Mat<T, E>& to, Extent column) {
    for (Extent r = 0; r < count_; ++r)
      for (Extent c = 0; c < width_; ++c) to(low_ + r, column + c) += g_[r * wp_ + c];
  }
  /// Row of the tables for a query that stands where key `query` does.
  int row(Extent query, Extent key) const { return rows_[longest_ - 1 - query + key]; }
  /// The same of query i and every key in turn.
  const int* line(Extent i) const { return rows_ + (longest_ - 1 - at_.lag - i); }
  /// The keys so near to query i of a block that each has a row of its own: from one key to the next a row less.
  std::pair<Extent, Extent> exact(const Block& b, Extent i) const {
    const Extent stands = at_.lag + b.first + i;
    return {std::max(stands - exact_, 0), std::min(stands + exact_ + 1, b.keys)};
  }
  /// The rows that a block asks for, counted from low_.
  Extent first(const Block& b) const { return row(at_.lag + b.first, b.keys - 1) - low_; }
  Extent last(const Block& b) const { return row(at_.lag + b.first + b.count - 1, 0) - low_; }

  const Bias& bias_;
  bool content_, position_, back_;
  Extent width_, wp_, group_, longest_;
  T *pk_t_, *c_, *p_, *dp_, *table_, *g_;
  int* rows_;
  HeadRows<T> pk_{};
  Place at_{};
  Extent of_queries_ = 0, of_keys_ = 0, low_ = 0, count_ = 0, cp_ = 0, stride_ = 0, exact_ = 0;
};

}  // namespace peft::ops
