// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <cmath>

#include <peft/core/worker.hpp>
#include <peft/ops/head_rows.hpp>
#include <peft/ops/no_bias.hpp>

namespace peft::ops {

/// T5's bucket of a relative position, key - query (Raffel et al., 2020): short distances have their own, longer ones
/// share logarithmically up to max_distance. Of both directions each has half of the buckets; else keys ahead share
/// bucket 0.
KOKKOS_INLINE_FUNCTION int t5_bucket(int relative, int buckets, int max_distance, bool bidirectional) {
  int base = 0, distance = -relative;
  if (bidirectional) {
    buckets /= 2;
    if (relative > 0) base = buckets, distance = relative;
  } else if (relative > 0) {
    distance = 0;
  }
  const int exact = buckets / 2;
  if (distance < exact) return base + distance;
  // In float, as the reference: distances on the border of two buckets depend on its rounding.
  const float ratio = Kokkos::log(static_cast<float>(distance) / static_cast<float>(exact)) /
                      static_cast<float>(Kokkos::log(static_cast<double>(max_distance) / exact));
  const int shared = exact + static_cast<int>(ratio * static_cast<float>(buckets - exact));
  return base + (shared < buckets ? shared : buckets - 1);
}

/// Adds table(bucket(key - query), head) to every scaled score, and the gradient to `dtable` unless that is empty.
/// table, dtable (buckets, heads).
template <class T, ExecutionSpace E>
struct BucketBias {
  static constexpr bool present = true;
  Mat<const T, E> table;
  int buckets = 32, max_distance = 128;
  bool bidirectional = true;
  Mat<T, E> dtable{};

  KOKKOS_FUNCTION Extent row(Extent behind) const { return t5_bucket(-behind, buckets, max_distance, bidirectional); }
  KOKKOS_FUNCTION T score(Extent r, const HeadAt<T>& at, const T*, const T*) const {
    return table(r, at.head) / at.scale;
  }
  KOKKOS_FUNCTION T by_query(Extent, const HeadAt<T>&, Extent) const { return 0; }
  KOKKOS_FUNCTION T by_key(Extent, const HeadAt<T>&, Extent) const { return 0; }
  KOKKOS_FUNCTION void collect(Extent r, const HeadAt<T>& at, T ds, const T*, const T*) const {
    dtable(r, at.head) += ds / at.scale;
  }
  Extent collected() const { return rows(dtable); }

  /// The bias depends on the distance alone, so a row of it is part of one line of values, one per distance.
  class OnHost {
   public:
    OnHost(Worker<E>& w, const Segments& s, const BucketBias& bias, Extent, bool back)
        : bias_(bias), scale_(static_cast<T>(s.scale)), back_(back && !empty(bias.dtable)) {
      const Extent length = padded<T>(s.longest_keys) + query_block;
      line_ = w.template temp<T>(1, length, "attention bias").data();
      sums_ = w.template temp<T>(1, back_ ? length : 0, "attention bias").data();
      near_ = w.template temp<int>(2, bias.max_distance + 1, "attention bias").data();
      ahead_ = near_ + bias.max_distance + 1;
      if (w.planning()) return;
      for (int i = 0; i <= bias.max_distance; ++i) near_[i] = bias.row(i), ahead_[i] = bias.row(-i);
    }
    void head(const Place& at, Extent h, const T*) {
      at_ = at;
      head_ = h;
    }
    void add(const Block& b, HeadRows<T>, T* scores) {
      const Extent far = b.count - 1;
      for (Extent t = 0; t < b.stride + far; ++t) line_[t] = bias_.table(bucket(b, t), head_) / scale_;
      for (Extent i = 0; i < b.count; ++i) {
        T* const to = scores + i * b.stride;
        const T* const from = line_ + far - i;
        for (Extent j = 0; j < b.stride; ++j) to[j] += from[j];
      }
    }
    void backward(const Block& b, HeadRows<T>, const T* slopes) {
      if (!back_) return;
      const Extent far = b.count - 1;
      std::fill(sums_, sums_ + b.stride + far, T(0));
      for (Extent i = 0; i < b.count; ++i) {
        T* const to = sums_ + far - i;
        const T* const from = slopes + i * b.stride;
        for (Extent j = 0; j < b.stride; ++j) to[j] += from[j];
      }
      for (Extent t = 0; t < b.keys + far; ++t) bias_.dtable(bucket(b, t), head_) += sums_[t] / scale_;
    }
    void add_to_queries(const Block&, T*) {}
    void end_head(HeadRows<T>, T*) {}

   private:
    /// Entry t of the line belongs to key j and query b.first + i with j - i = t - (b.count - 1).
    int bucket(const Block& b, Extent t) const {
      const Extent relative = t - (b.count - 1) - b.first - at_.lag;
      return relative <= 0 ? near_[std::min(-relative, bias_.max_distance)]
                           : ahead_[std::min(relative, bias_.max_distance)];
    }

    const BucketBias& bias_;
    T scale_;
    bool back_;
    T *line_, *sums_;
    int *near_, *ahead_;
    Place at_{};
    Extent head_ = 0;
  };
};

}  // namespace peft::ops
