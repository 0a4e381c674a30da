// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <peft/ops/activation.hpp>
#include <peft/side/cell.hpp>

namespace peft {

/// The plain recurrent cell (Elman, 1990), torch.nn.RNNCell:  h = f(W x + b + U h- + u),  f = tanh (or ops::Relu).
template <class F = ops::Tanh>
struct Elman {
  static constexpr Extent gates() { return 1; }
  static constexpr bool apart() { return false; }
  static constexpr bool second_state() { return false; }

  void forward(auto& c, const auto& at, const auto&) const {
    ops::copy(c, at.h, at.a);
    ops::activate(c, at.h, at.a, F{});                            // h = f(a),  a = f'(a)      (n, k)
  }
  void backward(auto& c, const auto& at, const auto&, auto dh, auto) const {
    ops::multiply(c, at.a, at.a, dh);         // da = f'(a) dh             (n, k)
  }
};
using RNN = Elman<>;
static_assert(IsCell<RNN>);

}  // namespace peft
