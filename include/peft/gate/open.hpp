// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <peft/concepts.hpp>

namespace peft {

/// No gate: the bottleneck as it is.
struct Open {
  static constexpr bool scales = true;  // by one

  template <class V>
  struct Params {};

  void declare(auto&, auto&, Extent) const {}
  auto forward(auto&, const auto&, auto h) const { return h; }
  void backward(auto&, const auto&, auto, auto, auto&) const {}
};

}  // namespace peft
