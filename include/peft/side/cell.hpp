// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <type_traits>

#include <peft/concepts.hpp>

namespace peft {

/// What a step of a recurrent cell over n rows works on, as views into blocks that hold every step. G: gates of the
/// cell.
template <class V>
struct CellStep {
  V a;  // (n, G k) sums of the input, and of the state unless it stays apart; gates after forward; their gradient after backward
  V u;  // (n, G k) sums of the state, where it stays apart
  V s;  // (n, k)   a second state, where there is one
  V h;  // (n, k)   the state
};

/// A recurrent cell: how many gates it has, whether the state's sums stay apart from the input's (`u`), whether there
/// is a second state (`s`), and a step forward and backward. `before` has empty views at the first step: zeros.
/// Backward gets the gradients of h and s; it leaves in `dh` what goes to the state before past the sums (where they
/// stay apart), in `ds` that of the second state before.
template <class R>
concept IsCell =
    requires(const R cell, check::Ctx& c, CellStep<check::M> at, CellStep<check::M> before, check::M dh, check::M ds) {
      { cell.gates() } -> std::convertible_to<Extent>;
      { cell.apart() } -> std::convertible_to<bool>;
      { cell.second_state() } -> std::convertible_to<bool>;
      cell.forward(c, at, before);
      cell.backward(c, at, before, dh, ds);
    };

}  // namespace peft
