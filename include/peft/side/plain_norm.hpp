// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <peft/ops/norm.hpp>
#include <peft/side/steps.hpp>

namespace peft {

/// Layer norm without tensors of its own, in place.
struct PlainNorm {
  double epsilon;

  template <class V>
  struct Kept {
    V normalised, rstd;  // (n, d)  (n, 1)
  };

  void forward(auto& c, auto& kept, auto y) const {
    kept.normalised = c.keep(rows(y), cols(y), "norm");
    kept.rstd = c.keep(rows(y), 1, "norm");
    const auto scope = c.w.scope();
    ops::add_norm(c, y, {}, row_of(c, y, 1), row_of(c, y, 0), epsilon, {}, kept.normalised, kept.rstd, y);
  }
  /// The gradient of what went in, a temporary.
  auto backward(auto& c, const auto& kept, auto dy) const {
    const auto dx = c.temp(rows(dy), cols(dy));
    const auto scope = c.w.scope();
    ops::norm_backward(c, dy, kept.normalised, kept.rstd, row_of(c, dy, 1), dx);
    return dx;
  }
};

}  // namespace peft
