// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <type_traits>

#include <peft/concepts.hpp>

namespace peft {

/// One step of a recurrent cell over n rows: views into blocks that hold all steps. G: number of gates.
template <class V>
struct CellStep {
  V a;  // (n, G k) pre-activations W x + b, with U h- + u in them unless the cell is `apart`; forward leaves the gates, backward the gradient
  V u;  // (n, G k) U h- + u of a cell that is `apart`; backward leaves its gradient
  V s;  // (n, k)   second state of a cell that has one
  V h;  // (n, k)   hidden state
};

/// A recurrent cell: its number of gates; `apart`, whether it needs U h- + u by itself (GRU, whose reset gate scales it);
/// `second_state` (LSTM's cell state); one step forward and backward. Empty views in `before` stand for zeros, at the
/// first step. Backward is given dL/dh and dL/ds; on return `dh` holds the part of dL/dh- that bypasses the
/// pre-activations (of a cell that is `apart`), `ds` holds dL/ds-.
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
