// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <peft/ops/map.hpp>
#include <peft/ops/stored.hpp>

namespace peft::ops {

/// y (n, d) = word[id] + position[position] + type[type]; an empty position or type table is left out, and its indices
/// are not read. A negative id -1-k names row k of `virtual_rows` instead of a word.
template <ExecutionSpace E, class T>
void embed(OnWorker<E> c, Mat<T, E> y, const int* ids, const int* positions, const int* types,
           const std::type_identity_t<Weight<T, E>>& words, ReadOnly<T, E> position, ReadOnly<T, E> type,
           ReadOnly<T, E> virtual_rows) {
  const Extent d = cols(y);
  const Mat<const T, E> word = words.plain() ? Mat<const T, E>(words) : Mat<const T, E>();
  const auto* const bits = words.plain() ? nullptr : static_cast<const std::uint16_t*>(words.address());
  const bool placed = !empty(position), typed = !empty(type);
  for_rows(
      c, "peft::embed", rows(y), KOKKOS_LAMBDA(Extent i) {
        T* const yi = &y(i, 0);
        const T* a = yi;
        if (ids[i] < 0)
          a = &virtual_rows(-1 - ids[i], 0);
        else if (bits == nullptr)
          a = &word(ids[i], 0);
        else
          for (Extent j = 0; j < d; ++j) yi[j] = bf16_value(bits[static_cast<std::int64_t>(ids[i]) * d + j]);
        if (placed && typed) {
          const T *const b = &position(positions[i], 0), *const c = &type(types[i], 0);
          for (Extent j = 0; j < d; ++j) yi[j] = a[j] + b[j] + c[j];
        } else if (placed || typed) {
          const T* const b = placed ? &position(positions[i], 0) : &type(types[i], 0);
          for (Extent j = 0; j < d; ++j) yi[j] = a[j] + b[j];
        } else {
          for (Extent j = 0; j < d; ++j) yi[j] = a[j];
        }
      });
}

/// table[index[i]] += dy row i, for every row with index[i] >= 0 (`negative`: row -1-index[i] for the negative ones
/// instead). Columns are shared out, rows are added in order: the sum is the same for any number of workers.
template <ExecutionSpace E, class T>
void embed_backward(OnWorker<E> c, ReadOnly<T, E> dy, const int* index, Mat<T, E> table, bool negative = false) {
  const Extent n = rows(dy), d = cols(dy);
  constexpr Extent block = 64;
  for_rows(
      c, "peft::embed_backward", (d + block - 1) / block, KOKKOS_LAMBDA(Extent b) {
        const Extent begin = b * block, end = d < begin + block ? d : begin + block;
        for (Extent i = 0; i < n; ++i) {
          if ((index[i] < 0) != negative) continue;
          const Extent to = negative ? -1 - index[i] : index[i];
          for (Extent j = begin; j < end; ++j) table(to, j) += dy(i, j);
        }
      });
}

}  // namespace peft::ops
