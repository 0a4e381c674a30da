// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <cstdint>
#include <span>
#include <vector>

#include <peft/core/error.hpp>
#include <peft/core/transfer.hpp>
#include <peft/core/worker.hpp>

namespace peft {

/// Who the rows of a matrix are: what dropout of each is drawn from.
struct RowIds {
  const int *example = nullptr, *position = nullptr;  // an entry per row
};

/// Whole sequences, row after row without padding, where ops can read them. Pointers lie in the worker's workspace.
struct Packed {
  Extent sequences = 0, tokens = 0, longest = 0;
  Extent prefix = 0;  // rows that attention sees before each sequence
  Extent slots = 0;   // special tokens of the sequence that has most

  const int *ids = nullptr, *types = nullptr, *positions = nullptr;  // (tokens); id -1-k: virtual row k
  const int *example = nullptr, *segment = nullptr;                  // (tokens): data-set index, sequence
  const int* slot = nullptr;  // (tokens): which special token; -1: an ordinary one
  const int* offsets = nullptr;  // (sequences + 1)
  const int *key_offsets = nullptr, *key_segment = nullptr;  // the same with `prefix` rows before each sequence
  // One row per sequence: the first token, its example, its position, and 0 .. sequences as offsets.
  const int *first = nullptr, *first_example = nullptr, *first_position = nullptr, *first_offsets = nullptr;
  // Rows of embedded distances that follow those of the tokens (or the first ones) in some products: which row of their
  // table.
  Extent distances = 0;
  const int* distance = nullptr;
  // While decoding: where a sequence's rows begin in the cache, its own ones after those of a prefix, where they end,
  // and where those of this step go.
  const int *cache_offsets = nullptr, *cache_own = nullptr, *cache_ends = nullptr, *cache_rows = nullptr;
  Extent cache_longest = 0;
  // Of a decoder, where several sequences go on from one source: which rows of the encoder each of them reads.
  const int *source_offsets = nullptr, *source_ends = nullptr;

  /// The tokens' rows, with those of distances after them; the first of each sequence's.
  RowIds row_ids() const { return {example, positions}; }
  RowIds first_row_ids() const { return {first_example, first_position}; }
  Extent key_rows() const { return tokens + sequences * prefix; }
};

/// Host arrays of the sequences [begin, end) of a batch. `offsets` index `ids`, `types` and `slots` (the latter two may
/// be empty).
struct Sequences {
  std::span<const std::int32_t> offsets, ids, types;  // offsets: (batch + 1)
  std::span<const std::int64_t> examples;  // (batch)
  Extent begin = 0, end = 0;
  std::span<const std::int32_t> slots{};
  std::span<const std::int32_t> starts{};  // (batch) position of a sequence's first row; empty: 0
  Extent capacity = 0;  // rows of a cache per sequence; 0: there is none
  std::span<const std::int32_t> places{};  // (batch) of a sequence in the cache; empty: in order
  std::span<const std::int32_t> source_offsets{},
      source_ends{};  // (batch) rows of its source; empty: that of the same index

  Extent longest() const {
    Extent most = 0;
    for (Extent i = begin; i < end; ++i) most = std::max(most, offsets[i + 1] - offsets[i]);
    return most;
  }
};

/// Copies sequences into the workspace, each lengthened by `virtual_rows` rows of its own before its first token.
/// `staging` is host memory that is used again by the next group. `distances`: rows of their table, in ascending order.
template <ExecutionSpace E>
Packed pack(Worker<E>& w, const Sequences& s, Extent virtual_rows, Extent prefix, std::vector<int>& staging,
            std::span<const int> distances = {}) {
  Packed p;
  p.sequences = s.end - s.begin;
  p.prefix = prefix;
  p.tokens = s.offsets[s.end] - s.offsets[s.begin] + p.sequences * virtual_rows;
  p.longest = s.longest() + virtual_rows;
  p.distances = static_cast<Extent>(distances.size());
  const std::size_t n = p.tokens, b = p.sequences, keys = p.key_rows(), r = distances.size(),
                    cached = s.capacity > 0 ? n + 3 * b : 0, sourced = s.source_offsets.empty() ? 0 : 2 * b;
  const std::size_t total = 6 * n + keys + 4 * (b + 1) + 2 * b + 5 * r + cached + sourced;
  const Mat<int, E> block = w.template keep<int>(1, static_cast<Extent>(total), "batch");
  int* const base = block.data();
  p.cache_longest = w.planning() ? s.capacity : 0;
  if (w.planning()) return p;
  staging.assign(total, 0);
  std::size_t at = 0;
  const auto field = [&](const int*& device, std::size_t count) {
    device = base + at;
    int* const host = staging.data() + at;
    at += count;
    return host;
  };
  int *const ids = field(p.ids, n), *const types = field(p.types, n), *const positions = field(p.positions, n + r),
             *const example = field(p.example, n + r), *const segment = field(p.segment, n),
             *const slot = field(p.slot, n), *const offsets = field(p.offsets, b + 1),
             *const key_offsets = field(p.key_offsets, b + 1), *const key_segment = field(p.key_segment, keys),
             *const first = field(p.first, b + 1), *const first_example = field(p.first_example, b + r),
             *const first_position = field(p.first_position, b + r),
             *const first_offsets = field(p.first_offsets, b + 1), *const distance = field(p.distance, r);
  int row = 0, key = 0;
  for (Extent i = s.begin; i < s.end; ++i) {
    const int q = i - s.begin, from = s.offsets[i], length = s.offsets[i + 1] - from + virtual_rows;
    const int start = prefix + (s.starts.empty() ? 0 : s.starts[i]);
    offsets[q] = row;
    key_offsets[q] = key;
    first[q] = row;
    first_offsets[q] = q;
    first_example[q] = static_cast<int>(s.examples[i]);
    first_position[q] = start;
    for (int k = 0; k < prefix + length; ++k) key_segment[key++] = q;
    for (int t = 0; t < length; ++t, ++row) {
      ids[row] = t < virtual_rows ? -1 - t : s.ids[from + t - virtual_rows];
      types[row] = t < virtual_rows || s.types.empty() ? 0 : s.types[from + t - virtual_rows];
      positions[row] = start + t;
      example[row] = static_cast<int>(s.examples[i]);
      segment[row] = q;
      slot[row] = t < virtual_rows || s.slots.empty() ? -1 : s.slots[from + t - virtual_rows];
      p.slots = std::max(p.slots, slot[row] + 1);
    }
  }
  offsets[b] = row;
  key_offsets[b] = key;
  first_offsets[b] = static_cast<int>(b);
  for (std::size_t k = 0; k < r; ++k) {
    // Rows of no sequence: dropout takes them for those of an example that cannot be.
    distance[k] = distances[k];
    example[n + k] = first_example[b + k] = -1;
    positions[n + k] = first_position[b + k] = static_cast<int>(k);
  }
  if (s.capacity > 0) {
    int *const begins = field(p.cache_offsets, b), *const own = field(p.cache_own, b),
               *const ends = field(p.cache_ends, b), *const to = field(p.cache_rows, n);
    for (std::size_t q = 0; q < b; ++q) {
      const int length = offsets[q + 1] - offsets[q], before = first_position[q];
      begins[q] = (s.places.empty() ? static_cast<int>(q) : s.places[s.begin + static_cast<Extent>(q)]) * s.capacity;
      own[q] = begins[q] + prefix;
      ends[q] = begins[q] + before + length;
      for (int t = 0; t < length; ++t) to[offsets[q] + t] = begins[q] + before + t;
      p.cache_longest = std::max(p.cache_longest, before + length);
    }
  }
  if (sourced > 0) {
    int *const begins = field(p.source_offsets, b), *const ends = field(p.source_ends, b);
    std::copy_n(s.source_offsets.begin() + s.begin, b, begins);
    std::copy_n(s.source_ends.begin() + s.begin, b, ends);
  }
  upload(w.exec, base, staging.data(), total);
  return p;
}

}  // namespace peft
