// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <peft/core/tensor.hpp>

namespace peft {

// A joiner makes a cell's input x_i of the backbone's hidden state phi_i (n, d) and of the cell's own h_{i-1} (n, k). What
// depends on phi alone is one product over all layers; what depends on h_{i-1} is added to the pre-activations a_i
// (n, G k) step by step.

/// x_i = phi_i: Algorithm 1 on an encoder. No parameters.
struct Direct {
  static constexpr bool own_scores = false;  // does it need self-attention probabilities?
  template <class V>
  struct Params {};
  template <class V>
  struct Kept {};
  void declare(auto&, auto&, Extent, Extent, Extent) const {}
  void begin(auto&, const auto&, auto&, auto) const {}
  void forward(auto&, const auto&, auto&, int, auto, auto) const {}
  void backward(auto&, const auto&, auto&, int, auto, auto, auto) const {}
  void finish(auto&, auto&, auto, auto, auto, Extent, auto&) const {}
};

}  // namespace peft
