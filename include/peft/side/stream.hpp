// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <peft/ops/gemm.hpp>
#include <peft/ops/rms_norm.hpp>
#include <peft/side/rows_read.hpp>
#include <peft/side/steps.hpp>

namespace peft {

/// How READ reads what the backbone's layers give and corrects the last of it:
///   x_i = drop(phi_i) / r_i,   phi_L <- phi_L + r_L O h_L.
/// In the paper r = 1. `relative`: r is the root mean square of each row as the frozen backbone gives it, a constant to
/// the gradient. Where norms stand inside the residual branches nothing bounds the stream between them (in
/// flan-T5-small's encoder it grows from 92 to 2,632): with r = 1 the cells saturate and O takes long to become as
/// large.
struct Stream {
  bool relative = false;
  double dropout = 0;
  static constexpr double epsilon = 1e-6;

  /// x (n, d) = drop(phi) / r.
  void read(auto& c, auto x, auto phi) const {
    drop_into(c, x, phi, dropout);
    if (!relative) return;
    const auto scope = c.w.scope();
    ops::rms_norm(c, x, {}, row_of(c, x, 1), epsilon, {}, {}, {}, x);
  }
  /// size (1, n) = r_L of phi_L.
  void measure(auto& c, auto size, auto phi) const {
    if (relative) ops::row_rms(c, size, phi, epsilon);
  }

  /// last (m, d) += r O h of the m rows that the task reads, with h (n, k), O (d, k), r in taps.size.
  void correct(auto& c, const auto& taps, auto last, auto h, auto O) const {
    const auto scope = c.w.scope();
    const Extent m = rows(last);
    ops::gemm(c, last, scaled(c, size_read(c, taps.size, m), rows_read(c, h, m)), t(O), 1, 1);
  }
  /// dO += (r dlast)' h;  gives dh (n, k) = r dlast O, zero in the rows that the task does not read.
  auto backward(auto& c, const auto& taps, auto dlast, auto h, auto O, auto dO) const {
    const Extent m = rows(dlast);
    const auto dh = c.temp(m, cols(h));
    {
      const auto scope = c.w.scope();
      const auto size = size_read(c, taps.size, m);
      ops::gemm(c, dO, t(dlast), scaled(c, size, rows_read(c, h, m)), 1, 1);
      ops::gemm(c, dh, dlast, O);
      if (relative) ops::scale_rows(c, dh, dh, size);
    }
    return rows_read_backward(c, dh, rows(h));
  }

 private:
  template <class V>
  V size_read(auto& c, const V& size, Extent m) const {
    if (!relative) return size;
    return V(rows_read(c, V(size.data(), cols(size), 1), m).data(), 1, m);
  }
  auto scaled(auto& c, auto size, auto h) const {
    if (!relative) return h;
    const auto product = c.temp(rows(h), cols(h));
    ops::scale_rows(c, product, h, size);
    return product;
  }
};

}  // namespace peft
