// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <peft/ops/recurrent.hpp>
#include <peft/side/cell.hpp>

namespace peft {

/// Gated recurrent unit (Cho et al., 2014), torch.nn.GRUCell: reset r, update z, candidate c in this order;
///   c = tanh(a_c + r u_c),  h = (1 - z) c + z h-.  The reset gate acts on the state's sums, so these stay apart.
struct GRU {
  static constexpr Extent gates() { return 3; }
  static constexpr bool apart() { return true; }
  static constexpr bool second_state() { return false; }

  void forward(auto& c, const auto& at, const auto& before) const { ops::gru(c, at.a, at.u, before.h, at.h); }
  void backward(auto& c, const auto& at, const auto& before, auto dh, auto) const {
    ops::gru_backward(c, at.a, at.u, before.h, dh);
  }
};
static_assert(IsCell<GRU>);

}  // namespace peft
