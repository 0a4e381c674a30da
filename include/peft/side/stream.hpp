// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <peft/ops/gemm.hpp>
#include <peft/ops/rms_norm.hpp>
#include <peft/side/steps.hpp>

namespace peft {

/// How READ reads what the backbone's layers give and corrects the last of it:
///   x_i = phi_i / r_i,   phi_L <- phi_L + r_L O h_L.
/// In the paper r = 1. `relative`: r is the root mean square of each row as the frozen backbone gives it, a constant to
/// the gradient. Where norms stand inside the residual branches nothing bounds the stream between them (in
/// flan-T5-small's encoder it grows from 92 to 2,632): with r = 1 the cells saturate and O takes long to become as
/// large.
struct Stream {
  bool relative = false;
  static constexpr double epsilon = 1e-6;

  /// x (n, d) = phi / r, with dropout of probability p.
  void read(auto& c, auto x, auto phi, double p) const {
    drop_into(c, x, phi, p);
    if (!relative) return;
    const auto scope = c.w.scope();
    ops::rms_norm(c.w, constant(x), {}, row_of(c, x, 1), epsilon, {}, {}, {}, x);
  }

  /// Memory for r_L of n rows, taken before the layers.
  auto begin(auto& c, Extent n) const { return c.keep(1, relative ? n : 0, "taps"); }
  /// size (1, n) = r_L of phi_L.
  void measure(auto& c, auto size, auto phi) const {
    if (relative) ops::row_rms(c.w, size, constant(phi), epsilon);
  }

  /// last (m, d) += r O h with h (m, k), O (d, k), r in size (1, m).
  void correct(auto& c, auto size, auto last, auto h, auto O) const {
    const auto scope = c.w.scope();
    ops::gemm(c.w, last, scaled(c, size, h), t(O), 1, 1);
  }

  /// dO += (r dlast)' h,   dh (m, k) = r dlast O.
  void backward(auto& c, auto size, auto dlast, auto h, auto O, auto dO, auto dh) const {
    const auto scope = c.w.scope();
    ops::gemm(c.w, dO, t(dlast), scaled(c, size, h), 1, 1);
    ops::gemm(c.w, dh, dlast, O);
    if (relative) ops::scale_rows(c.w, dh, constant(dh), constant(size));
  }

 private:
  auto scaled(auto& c, auto size, auto h) const {
    auto product = relative ? c.temp(rows(h), cols(h)) : decltype(c.temp(1, 1)){};
    if (relative) ops::scale_rows(c.w, product, constant(h), constant(size));
    return relative ? constant(product) : constant(h);
  }
};

}  // namespace peft
