// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <peft/ops/segments.hpp>

namespace peft::ops {

/// One head of queries and keys, as a bias of scores on a device sees it: the rows' columns `of_queries`, `of_keys`
/// begin there, and scores are multiplied by `scale` after what a bias adds.
template <class T>
struct HeadAt {
  Extent head, of_queries, of_keys, width;
  T scale;
};

/// What a bias is told of one sequence on the host: where its rows lie, and that query i stands where key i + lag does.
struct Place {
  Extent q0, queries, k0, keys, padded_keys, lag;
};

/// Queries first .. first + count of a place and their scores: rows `stride` elements apart, of which the first `keys`
/// are real.
struct Block {
  Extent first, count, keys, stride;
};

/// Attention whose scores are the products of queries and keys alone: the least that a bias is. What a bias adds
/// depends on how far a query stands behind a key, by way of the row of a table.
struct NoBias {
  static constexpr bool present = false;

  // On a device, per element. `row` is of the table, q and k point at the head's columns.
  KOKKOS_FUNCTION Extent row(Extent /*behind*/) const { return 0; }
  template <class T>
  KOKKOS_FUNCTION T score(Extent /*row*/, const HeadAt<T>&, const T* /*q*/, const T* /*k*/) const {
    return 0;
  }
  /// The derivative of the score with respect to feature c of the query, and of the key.
  template <class T>
  KOKKOS_FUNCTION T by_query(Extent /*row*/, const HeadAt<T>&, Extent /*c*/) const {
    return 0;
  }
  template <class T>
  KOKKOS_FUNCTION T by_key(Extent /*row*/, const HeadAt<T>&, Extent /*c*/) const {
    return 0;
  }
  /// Adds to the table's gradient; ds is the gradient of q . k, scale included. No two threads share a row and key
  /// head.
  template <class T>
  KOKKOS_FUNCTION void collect(Extent /*row*/, const HeadAt<T>&, T /*ds*/, const T* /*q*/, const T* /*k*/) const {}
  /// Rows of the table whose gradient is wanted.
  Extent collected() const { return 0; }

  /// On the host, per block of queries: see the other biases.
  struct OnHost {
    template <class... A>
    explicit OnHost(const A&...) {}
  };
};

}  // namespace peft::ops
