// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cmath>

#include <peft/ops/gemm.hpp>
#include <peft/ops/norm.hpp>
#include <peft/ops/reduce.hpp>
#include <peft/side/any_cell.hpp>
#include <peft/side/joiner.hpp>

namespace peft {

/// READ (Nguyen et al., 2023), Algorithm 1 on an encoder: a recurrence over depth, for every token, and a correction of the
/// last hidden state alone:
///   h_0 = 0,   h_i = cell(x_i, h_{i-1}),   phi_L <- phi_L + O h_L.
/// No gradient crosses the backbone, and the tensors do not depend on its depth. What the paper leaves open is a member or a
/// parameter of the type here: the projection O and its initial value (`output_deviation`: 0, so that the first step is the
/// backbone's), the cell (torch.nn's, two biases, U(+-1/sqrt(k))), the joiner (x_i = phi_i), dropout on x (0), and a norm after
/// the correction (none; without tensors). Trains G k (d + k + 2) + d k, and the joiner's; G = 1 RNN, 3 GRU, 4 LSTM.
template <class Cell = GRU, int k = 128, class Joiner = Direct>
struct Read {
  static_assert(IsCell<Cell>, "peft::Read<Cell, k>: this type is no recurrent cell (peft/side/cell.hpp: IsCell)");
  static_assert(k > 0, "peft::Read<Cell, k>: the width k must be positive");
  static constexpr Route route = Route::side;
  static constexpr Kind fits = Kind::side;

  int width = k;
  double dropout = 0, output_deviation = 0;
  bool norm_after = false;
  double epsilon = 1e-12;  // of that norm
  [[no_unique_address]] Cell cell{};
  [[no_unique_address]] Joiner joiner{};

  template <class V>
  struct Params {
    V W, U, b, u, O;  // (G k, d)  (G k, k)  (1, G k) twice  (d, k)
    typename Joiner::template Params<V> join;
  };
  template <class V>
  struct Kept : CellStep<V> {  // of all steps
    V x, normalised, rstd;     // (L n, d)  (n, d)  (n, 1)
    typename Joiner::template Kept<V> join;
    int layers = 0;
  };

  void declare(auto& fields, auto& p, const Module& m) const {
    const Extent sums = cell.gates() * width;
    const auto bound = uniform(1 / std::sqrt(static_cast<double>(width)));
    fields.trained("cell.weight_ih", p.W, sums, m.in, bound);
    fields.trained("cell.weight_hh", p.U, sums, width, bound);
    fields.vector("cell.bias_ih", p.b, sums, bound);
    fields.vector("cell.bias_hh", p.u, sums, bound);
    fields.trained("output.weight", p.O, m.in, width, normal(output_deviation));
    joiner.declare(fields, p.join, m.in, width, sums);
  }

  void begin(auto&, const auto&, auto& kept, int layers) const { kept.layers = layers; }
  /// Stores phi_i; the embeddings need no correction.
  void tap(auto& c, const auto&, auto& kept, int layer, auto phi) const {
    const Extent n = rows(phi);
    if (layer < 0) {
      kept.x = c.keep(kept.layers * n, cols(phi), "taps");
      return;
    }
    store_dropped(c, step_of(kept.x, layer, n), phi, dropout);
  }

  void correct(auto& c, const auto& p, auto& kept, auto last) const {
    const Extent n = rows(last), all = rows(kept.x), sums = rows(p.W);
    kept.a = c.keep(all, sums, "cell");
    kept.h = c.keep(all, width, "cell");
    if (cell.apart()) kept.u = c.keep(all, sums, "cell");
    if (cell.second_state()) kept.s = c.keep(all, width, "cell");
    ops::broadcast_row(c.w, kept.a, constant(p.b));
    if (cell.apart())
      ops::broadcast_row(c.w, kept.u, constant(p.u));
    else
      ops::add_row(c.w, kept.a, constant(p.u));
    ops::gemm(c.w, kept.a, kept.x, t(p.W), 1, 1);                // a    = x W' + b, all layers     (L n, G k)
    joiner.begin(c, p.join, kept.join, constant(kept.x));
    for (int i = 0; i < kept.layers; ++i) {
      const auto at = step(kept, i, n), before = step(kept, i - 1, n);
      joiner.forward(c, p.join, kept.join, i, before.h, at.a);
      if (i > 0) ops::gemm(c.w, cell.apart() ? at.u : at.a, before.h, t(p.U), 1, 1);  // + h- U'    (n, G k)
      cell.forward(c, at, before);                               // h                               (n, k)
    }
    ops::gemm(c.w, last, step(kept, kept.layers - 1, n).h, t(p.O), 1, 1);  // phi_L += h_L O'       (n, d)
    if (norm_after) {
      const auto scope = c.w.scope();
      kept.normalised = c.keep(n, cols(last), "norm");
      kept.rstd = c.keep(n, 1, "norm");
      ops::add_norm(c.w, constant(last), {}, row_of(c, last, 1), row_of(c, last, 0), epsilon, {}, kept.normalised, kept.rstd, last);
    }
  }

  void backward(auto& c, const auto& p, auto& kept, auto dlast, auto& g) const {
    const auto scope = c.w.scope();
    const Extent n = rows(dlast), all = rows(kept.x);
    auto dh = c.temp(n, width), ds = c.temp(cell.second_state() ? n : 0, width);
    ops::fill(c.w, ds, typename decltype(ds)::value_type(0));
    if (norm_after) {
      auto dsum = c.temp(n, cols(dlast));
      ops::norm_backward(c.w, dlast, constant(kept.normalised), constant(kept.rstd), row_of(c, dlast, 1), dsum);
      dlast = constant(dsum);
    }
    ops::gemm(c.w, g.O, t(dlast), step(kept, kept.layers - 1, n).h, 1, 1);  // dO += dphi' h_L      (d, k)
    ops::gemm(c.w, dh, dlast, p.O);                              // dh   = dphi O                   (n, k)
    for (int i = kept.layers - 1; i >= 0; --i) {
      const auto at = step(kept, i, n), before = step(kept, i - 1, n);
      cell.backward(c, at, before, dh, ds);
      if (i > 0) ops::gemm(c.w, dh, sums(at), p.U, 1, cell.apart() ? 1 : 0);  // dh- = [rest +] du U  (n, k)
      joiner.backward(c, p.join, kept.join, i, before.h, at.a, dh);
    }
    const auto du = sums(kept);
    ops::gemm(c.w, g.W, t(kept.a), kept.x, 1, 1);                // dW  += da' x, all layers        (G k, d)
    ops::add_column_sums(c.w, g.b, constant(kept.a));
    ops::gemm(c.w, g.U, t(slice(du, n, all)), slice(kept.h, 0, all - n), 1, 1);  // dU += du' h-    (G k, k)
    ops::add_column_sums(c.w, g.u, constant(du));
    joiner.finish(c, kept.join, kept.a, kept.h, kept.x, n, g.join);
  }

 private:
  template <class K>
  static auto step(const K& kept, int i, Extent n) {
    using V = decltype(kept.x);
    return i < 0 ? CellStep<V>{} : CellStep<V>{step_of(kept.a, i, n), step_of(kept.u, i, n), step_of(kept.s, i, n), step_of(kept.h, i, n)};
  }
  auto sums(const auto& at) const { return cell.apart() ? at.u : at.a; }
  /// A row (1, d) of one number, a temporary.
  static auto row_of(auto& c, const auto& like, double value) {
    auto row = c.temp(1, cols(like));
    ops::fill(c.w, row, static_cast<typename decltype(row)::value_type>(value));
    return constant(row);
  }
};

}  // namespace peft
