// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <peft/ops/map.hpp>

namespace peft::ops {

/// Which row of a table a slot names: slot `first` + k row k, or every slot from `first` on row 0 (`shared`); -1: none.
struct SlotRows {
  int first = 0;
  bool shared = false;
  Extent count = 0;  // rows of the table

  KOKKOS_FUNCTION int operator()(int slot) const {
    const int row = slot < first ? -1 : shared ? 0 : slot - first;
    return row < count ? row : -1;
  }
};

/// Row i of h (n, d) += drop(row of `table` that slot[i] names); rows whose slot is -1 stay. Rows of `drop` are rows of
/// h.
template <ExecutionSpace E, class T>
void add_slots(OnWorker<E> c, Mat<T, E> h, ReadOnly<T, E> table, const int* slot, const SlotRows& named,
               const Dropout& drop) {
  const Extent d = cols(h);
  const T scale = static_cast<T>(drop.scale);
  for_rows(
      c, "peft::add_slots", rows(h), KOKKOS_LAMBDA(Extent i) {
        const int from = named(slot[i]);
        if (from < 0) return;
        T* const hi = &h(i, 0);
        const T* const e = &table(from, 0);
        if (!drop.active()) {
          for (Extent j = 0; j < d; ++j) hi[j] += e[j];
        } else {
          const std::uint32_t key = drop.row(i);
          for (Extent j = 0; j < d; ++j) hi[j] += drop.keeps(key, static_cast<std::uint32_t>(j)) ? scale * e[j] : T(0);
        }
      });
}

/// g (of the table's shape) += drop(dh), each row of dh to where `add_slots` took its vector from. Columns are shared
/// out, rows are added in order: the sum is the same for any number of workers.
template <ExecutionSpace E, class T>
void add_slots_backward(OnWorker<E> c, Mat<T, E> g, ReadOnly<T, E> dh, const int* slot, const SlotRows& named,
                        const Dropout& drop) {
  const Extent n = rows(dh), d = cols(dh);
  const T scale = static_cast<T>(drop.scale);
  constexpr Extent block = on_host<E> ? 64 : 1;
  for_rows(
      c, "peft::add_slots_backward", (d + block - 1) / block, KOKKOS_LAMBDA(Extent b) {
        const Extent begin = b * block, end = d < begin + block ? d : begin + block;
        for (Extent i = 0; i < n; ++i) {
          const int to = named(slot[i]);
          if (to < 0) continue;
          T* const gi = &g(to, 0);
          const T* const di = &dh(i, 0);
          if (!drop.active()) {
            for (Extent j = begin; j < end; ++j) gi[j] += di[j];
          } else {
            const std::uint32_t key = drop.row(i);
            for (Extent j = begin; j < end; ++j)
              gi[j] += drop.keeps(key, static_cast<std::uint32_t>(j)) ? scale * di[j] : T(0);
          }
        }
      });
}

}  // namespace peft::ops
