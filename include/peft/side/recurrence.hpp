// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cmath>

#include <peft/ops/gemm.hpp>
#include <peft/ops/reduce.hpp>
#include <peft/side/any_cell.hpp>
#include <peft/side/joiner.hpp>
#include <peft/side/steps.hpp>

namespace peft {

/// A recurrence over L steps that all rows take together:  h_0 = 0,  h_i = cell(joiner(x_i, h_{i-1}), h_{i-1}).  What
/// comes of x is one product over all steps, forward and backward. Shaped, named and begun as torch.nn's cells: two
/// biases, everything ~ U(+-1/sqrt(k)). Trains G k (d + k + 2) and the joiner's; G gates: 1 RNN, 3 GRU, 4 LSTM.
template <class Cell, class Joiner>
struct Recurrence {
  [[no_unique_address]] Cell cell{};
  [[no_unique_address]] Joiner joiner{};

  template <class V>
  struct Params {
    V W, U, b, u;  // (G k, d)  (G k, k)  (1, G k) twice
    typename Joiner::template Params<V> join;
  };
  template <class V>
  struct Kept : CellStep<V> {  // of all steps
    typename Joiner::template Kept<V> join;
    Extent n = 0;
    int steps = 0;
  };

  void declare(auto& fields, auto& p, Extent d, Extent k) const {
    const Extent sums = cell.gates() * k;
    const auto bound = uniform(1 / std::sqrt(static_cast<double>(k)));
    fields.trained("cell.weight_ih", p.W, sums, d, bound);
    fields.trained("cell.weight_hh", p.U, sums, k, bound);
    fields.vector("cell.bias_ih", p.b, sums, bound);
    fields.vector("cell.bias_hh", p.u, sums, bound);
    joiner.declare(fields, p.join, d, k, sums);
  }

  /// The last state (n, k), from the inputs of `steps` steps (steps n, d).
  auto forward(auto& c, const auto& p, auto& kept, auto x, int steps) const {
    const Extent all = rows(x), n = all / steps, sums = rows(p.W), k = cols(p.U);
    kept.n = n;
    kept.steps = steps;
    kept.a = c.keep(all, sums, "cell");
    kept.h = c.keep(all, k, "cell");
    if (cell.apart()) kept.u = c.keep(all, sums, "cell");
    if (cell.second_state()) kept.s = c.keep(all, k, "cell");
    ops::broadcast_row(c, kept.a, p.b);
    if (cell.apart())
      ops::broadcast_row(c, kept.u, p.u);
    else
      ops::add_row(c, kept.a, p.u);
    ops::gemm(c, kept.a, x, t(p.W), 1, 1);                     // a    = x W' + b, all steps      (L n, G k)
    joiner.begin(c, p.join, kept.join, x);
    for (int i = 0; i < steps; ++i) {
      const auto at = step(kept, i), before = step(kept, i - 1);
      joiner.forward(c, p.join, kept.join, i, before.h, at.a);
      if (i > 0) ops::gemm(c, sums_of(at), before.h, t(p.U), 1, 1);  // + h- U'                   (n, G k)
      cell.forward(c, at, before);                               // h                               (n, k)
    }
    return last(kept);
  }
  /// The last state, where forward has left it.
  auto last(const auto& kept) const { return step(kept, kept.steps - 1).h; }

  /// Adds to the gradients g from dh (n, k), that of the last state, which is overwritten; dx (L n, d), unless it is not
  /// wanted.
  void backward(auto& c, const auto& p, auto& kept, auto x, auto dh, auto& g) const {
    backward(c, p, kept, x, dh, g, decltype(kept.h)());
  }
  void backward(auto& c, const auto& p, auto& kept, auto x, auto dh, auto& g, auto dx) const {
    const auto scope = c.w.scope();
    const Extent n = kept.n, all = rows(x);
    auto ds = c.temp(cell.second_state() ? n : 0, cols(dh));
    ops::fill(c, ds, 0);
    for (int i = kept.steps - 1; i >= 0; --i) {
      const auto at = step(kept, i), before = step(kept, i - 1);
      cell.backward(c, at, before, dh, ds);
      if (i > 0) ops::gemm(c, dh, sums_of(at), p.U, 1, cell.apart() ? 1 : 0);  // dh- = [rest +] du U  (n, k)
      joiner.backward(c, p.join, kept.join, i, before.h, at.a, dh);
    }
    const auto du = sums_of(kept);
    ops::gemm(c, g.W, t(kept.a), x, 1, 1);  // dW  += da' x, all steps         (G k, d)
    ops::add_column_sums(c, g.b, kept.a);
    ops::gemm(c, g.U, t(slice(du, n, all)), slice(kept.h, 0, all - n), 1, 1);  // dU += du' h-    (G k, k)
    ops::add_column_sums(c, g.u, du);
    joiner.finish(c, kept.join, kept.a, kept.h, x, n, g.join);
    if (!empty(dx)) ops::gemm(c, dx, kept.a, p.W);  // dx   = da W                     (L n, d)
  }

 private:
  template <class K>
  static auto step(const K& kept, int i) {
    using V = decltype(kept.h);
    if (i < 0) return CellStep<V>{};
    return CellStep<V>{step_of(kept.a, i, kept.n), step_of(kept.u, i, kept.n), step_of(kept.s, i, kept.n),
                       step_of(kept.h, i, kept.n)};
  }
  auto sums_of(const auto& at) const { return cell.apart() ? at.u : at.a; }
};

}  // namespace peft
