// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <peft/ops/disentangled_host.hpp>

namespace peft::ops {

/// The bucket of a relative position, query - key, of DeBERTa-v2 and v3 (He et al., 2021): positions less than half of
/// `bucket_size` apart have their own, others share logarithmically up to `max_position`. bucket_size 0: none are
/// shared.
KOKKOS_INLINE_FUNCTION int deberta_bucket(int relative, int bucket_size, int max_position) {
  const int middle = bucket_size / 2, distance = relative < 0 ? -relative : relative;
  if (bucket_size <= 0 || max_position <= 0 || distance <= middle) return relative;
  // In float, as the reference: distances on the border of two buckets depend on its rounding.
  const float ratio = Kokkos::log(static_cast<float>(distance) / static_cast<float>(middle)) /
                      Kokkos::log(static_cast<float>((max_position - 1) / static_cast<double>(middle)));
  const int shared = static_cast<int>(Kokkos::ceil(ratio * static_cast<float>(middle - 1))) + middle;
  return relative < 0 ? -shared : shared;
}

/// DeBERTa's disentangled attention (He et al., 2021): adds q_i . pos_k[r] + k_j . pos_q[r] to every product q_i . k_j
/// before it is scaled, with r = reach + bucket(i - j), held to the table. pos_k (R, columns of k), pos_q (R, columns
/// of q); either may be empty. Gradients are added to dpos_k, dpos_q unless they are empty, and to those of q and k.
template <class T, ExecutionSpace E>
struct Disentangled {
  static constexpr bool present = true;
  Mat<const T, E> pos_k, pos_q;
  Extent reach = 0;  // row r of a table stands for bucket r - reach
  int bucket_size = 0, max_position = 0;
  Mat<T, E> dpos_k{}, dpos_q{};

  KOKKOS_FUNCTION Extent table_rows() const {
    return static_cast<Extent>(pos_k.extent(0) > 0 ? pos_k.extent(0) : pos_q.extent(0));
  }
  KOKKOS_FUNCTION Extent row(Extent behind) const {
    const Extent r = reach + deberta_bucket(behind, bucket_size, max_position), last = table_rows() - 1;
    return r < 0 ? 0 : r > last ? last : r;
  }
  KOKKOS_FUNCTION T score(Extent r, const HeadAt<T>& at, const T* q, const T* k) const {
    T sum = 0;
    for (Extent c = 0; c < at.width; ++c) sum += q[c] * by_query(r, at, c) + k[c] * by_key(r, at, c);
    return sum;
  }
  KOKKOS_FUNCTION T by_query(Extent r, const HeadAt<T>& at, Extent c) const {
    return pos_k.extent(0) > 0 ? pos_k(r, at.of_keys + c) : T(0);
  }
  KOKKOS_FUNCTION T by_key(Extent r, const HeadAt<T>& at, Extent c) const {
    return pos_q.extent(0) > 0 ? pos_q(r, at.of_queries + c) : T(0);
  }
  KOKKOS_FUNCTION void collect(Extent r, const HeadAt<T>& at, T ds, const T* q, const T* k) const {
    if (dpos_k.extent(0) > 0)
      for (Extent c = 0; c < at.width; ++c) dpos_k(r, at.of_keys + c) += ds * q[c];
    if (dpos_q.extent(0) > 0)
      for (Extent c = 0; c < at.width; ++c) dpos_q(r, at.of_queries + c) += ds * k[c];
  }
  Extent collected() const { return empty(dpos_k) ? rows(dpos_q) : rows(dpos_k); }

  using OnHost = DisentangledHost<T, E, Disentangled>;
};

}  // namespace peft::ops
