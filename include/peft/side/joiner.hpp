// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <peft/core/tensor.hpp>

namespace peft {

// A joiner makes a cell's input x_i of what the backbone has, phi_i (n, d), and of the state h_{i-1} (n, k). What it
// takes from phi alone is one product over all layers; what it takes from h is added to the cell's sums a_i (n, G k)
// step by step.

/// x_i = phi_i: Algorithm 1 on an encoder. No parameters.
struct Direct {
  static constexpr bool own_scores = false;  // does it read how the rows of a sequence attend to each other?
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
