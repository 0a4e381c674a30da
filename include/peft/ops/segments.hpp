// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>

#include <peft/core/rng.hpp>
#include <peft/core/tensor.hpp>

namespace peft::ops {

/// Which rows attend to which: sequence s has query rows q_offsets[s] .. q_offsets[s+1] and key rows k_offsets[s] ..
/// k_ends[s] (nullptr: k_offsets[s+1]), so that keys may lie in a cache with room to spare. `q_segment`, `k_segment`
/// name each row's sequence (read on a device only). Causal: queries are aligned at the end of their keys, query i of a
/// sequence sees keys 0 .. i + keys - queries; no sequence may have more queries than keys then.
struct Segments {
  Extent sequences = 0, heads = 1;
  double scale = 1;
  bool causal = false;
  const int *q_offsets = nullptr, *k_offsets = nullptr;
  const int *q_segment = nullptr, *k_segment = nullptr;
  Extent longest_keys = 0;
  Extent key_heads = 0;  // query head h reads key head h / (heads / key_heads); 0: as many as heads
  const int* k_ends = nullptr;
  Extent prefix = 0;  // keys before a sequence's own first token; only biases of attention that is not causal ask

  KOKKOS_FUNCTION Extent queries_per_key() const { return key_heads > 0 ? heads / key_heads : 1; }
  KOKKOS_FUNCTION Extent head_pairs() const { return key_heads > 0 ? key_heads : heads; }
  KOKKOS_FUNCTION Extent queries(Extent s) const { return q_offsets[s + 1] - q_offsets[s]; }
  KOKKOS_FUNCTION Extent keys(Extent s) const { return (k_ends ? k_ends[s] : k_offsets[s + 1]) - k_offsets[s]; }
  /// Query i of sequence s stands where its key i + lag stands.
  KOKKOS_FUNCTION Extent lag(Extent s) const { return causal ? keys(s) - queries(s) : prefix; }
  /// How many keys query i of sequence s sees.
  KOKKOS_FUNCTION Extent seen(Extent s, Extent i) const { return causal ? keys(s) - queries(s) + i + 1 : keys(s); }
};

/// The row of random bits of one query and head; features are key positions.
KOKKOS_INLINE_FUNCTION std::uint32_t attention_row(const Dropout& drop, int row, int head) {
  return rng::mix32(drop.row(row) + 0x9e3779b9u * static_cast<std::uint32_t>(head + 1));
}

/// Query rows that are in cache at a time.
inline constexpr Extent query_block = 48;

}  // namespace peft::ops
