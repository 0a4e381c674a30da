// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <peft/concepts.hpp>
#include <peft/ops/map.hpp>
#include <peft/ops/reduce.hpp>

namespace peft {

/// The middle factor of B diag(g) A as a gate:  h <- g * h. Begins at zero.
struct SingularValues {
  static constexpr bool scales = true;

  template <class V>
  struct Params {
    V g;  // (1, r)
  };
  void declare(auto& fields, auto& p, Extent r) const { fields.vector("lora_E", p.g, r, zeros()); }
  auto forward(auto& c, const auto& p, auto h) const {
    auto gated = c.temp(rows(h), cols(h));
    ops::scale_columns(c, gated, h, p.g);          // g * h                 (n, r)
    return constant(gated);
  }
  void backward(auto& c, const auto& p, auto h, auto dh, auto& g) const {
    ops::add_column_dots(c, g.g, h, dh);           // dg += sum_n h * dh    (1, r)
    ops::scale_columns(c, dh, dh, p.g);  // dh <- g * dh          (n, r)
  }
};

}  // namespace peft
