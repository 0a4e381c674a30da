// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <peft/ops/map.hpp>
#include <peft/ops/select.hpp>

namespace peft {

/// Of v (n, k) the m rows that the task reads: all, or the first of each sequence.
template <class V>
V rows_read(auto& c, V v, Extent m) {
  if (m == rows(v)) return v;
  const V first = c.temp(m, cols(v));
  ops::gather_rows(c, first, v, c.batch->first);
  return first;
}

/// The gradient of v (n, k) from that of the rows that the task reads.
template <class V>
V rows_read_backward(auto& c, V dread, Extent n) {
  if (rows(dread) == n) return dread;
  const V dv = c.temp(n, cols(dread));
  ops::fill(c, dv, 0);
  ops::add_to_rows(c, dv, dread, c.batch->first);
  return dv;
}

}  // namespace peft
