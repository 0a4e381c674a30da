// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <peft/ops/recurrent.hpp>
#include <peft/side/cell.hpp>

namespace peft {

/// Long short-term memory (Hochreiter & Schmidhuber, 1997), torch.nn.LSTMCell: gates i, f, g, o in this order;
///   s = f s- + i g,  h = o tanh(s).
struct LSTM {
  static constexpr Extent gates() { return 4; }
  static constexpr bool apart() { return false; }
  static constexpr bool second_state() { return true; }

  void forward(auto& c, const auto& at, const auto& before) const { ops::lstm(c, at.a, before.s, at.s, at.h); }
  void backward(auto& c, const auto& at, const auto& before, auto dh, auto ds) const {
    ops::lstm_backward(c, at.a, before.s, at.s, dh, ds);
  }
};
static_assert(IsCell<LSTM>);

}  // namespace peft
