// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <optional>

#include <peft/ops/norm.hpp>
#include <peft/ops/select.hpp>
#include <peft/side/concatenated.hpp>
#include <peft/side/recurrence.hpp>
#include <peft/side/stream.hpp>

namespace peft {

/// READ (Nguyen et al., 2023), Algorithm 1 on an encoder: a recurrence over depth, for every token, and a correction of
/// the last hidden state alone:
///   h_0 = 0,   h_i = cell(x_i, h_{i-1}),   phi_L <- phi_L + O h_L.
/// No gradient crosses the backbone, and the tensors do not depend on its depth. What the paper leaves open is a member
/// or a parameter of the type here: how phi is measured (`relative`, side/stream.hpp: by its own size beside a pre-norm
/// backbone; a post-norm encoder's layers all give the same), the projection O and its initial value
/// (`output_deviation`: 0, so that the first step is the backbone's), the cell (`Recurrence`: as torch.nn's), the
/// joiner (x_i = phi_i), dropout on x (0), and a norm without tensors after the correction (none). Trains G k (d + k +
/// 2) + d k, and the joiner's; G = 1 RNN, 3 GRU, 4 LSTM. A joiner that reads how tokens attend to each other makes the
/// backbone compute the last layer for every row.
template <class Cell = GRU, int k = 128, class Joiner = Direct>
struct Read : Recurrence<Cell, Joiner> {
  static_assert(IsCell<Cell>, "peft::Read<Cell, k>: this type is no recurrent cell (peft/side/cell.hpp: IsCell)");
  static_assert(k > 0, "peft::Read<Cell, k>: the width k must be positive");
  static constexpr Route route = Route::side;
  static constexpr Kind fits = Kind::side;
  static constexpr bool one_stack = true, taps_own_scores = Joiner::own_scores, taps_all_rows = taps_own_scores;
  using Depth = Recurrence<Cell, Joiner>;

  int width = k;
  double dropout = 0, output_deviation = 0;
  std::optional<bool> relative{};  // not given: beside a pre-norm backbone
  bool norm_after = false;
  double epsilon = 1e-12;  // of that norm

  template <class V>
  struct Params : Depth::template Params<V> {
    V O;  // (d, k)
    Stream stream;
  };
  template <class V>
  struct Kept : Depth::template Kept<V> {
    V x, normalised, rstd;  // (L n, d)  (n, d)  (n, 1)
    V size;  // (1, n) of phi_L, if relative
  };

  void declare(auto& fields, auto& p, const Module& m) const {
    p.stream.relative = relative.value_or(m.spec.pre_norm);
    Depth::declare(fields, p, m.in, width);
    fields.trained("output.weight", p.O, m.in, width, normal(output_deviation));
  }
  void settings(auto&& says) const { says("relative", relative ? int(*relative) : -1), says("norm_after", norm_after); }
  void begin(auto&, const auto&, auto& kept, int layers) const {
    kept.steps = layers;
    if constexpr (taps_own_scores) kept.join.others.scores.clear();
  }
  void tap_own_attention(auto&, const auto&, auto& kept, int, const auto& scores) const {
    kept.join.others.scores.push_back(scores);
  }
  /// Stores phi_i; the embeddings need no correction.
  void tap(auto& c, const auto& p, auto& kept, int layer, auto phi) const {
    const Extent n = rows(phi);
    if (layer < 0) {
      kept.x = c.keep(kept.steps * n, cols(phi), "taps");
      kept.size = p.stream.begin(c, n);
    } else {
      p.stream.read(c, step_of(kept.x, layer, n), phi, dropout);
      if (layer == kept.steps - 1) p.stream.measure(c, kept.size, phi);
    }
  }
  void correct(auto& c, const auto& p, auto& kept, auto last) const {
    Depth::forward(c, p, kept, constant(kept.x), kept.steps);
    {
      const auto scope = c.w.scope();
      p.stream.correct(c, size_of(c, p, kept, rows(last)), last, read_of(c, kept, rows(last)),
                       p.O);  // phi += h_L O'    (n, d)
    }
    if (!norm_after) return;
    kept.normalised = c.keep(rows(last), cols(last), "norm");
    kept.rstd = c.keep(rows(last), 1, "norm");
    const auto scope = c.w.scope();
    ops::add_norm(c.w, constant(last), {}, row_of(c, last, 1), row_of(c, last, 0), epsilon, {}, kept.normalised,
                  kept.rstd, last);
  }
  void backward(auto& c, const auto& p, auto& kept, auto dlast, auto& g) const {
    const auto scope = c.w.scope();
    if (norm_after) {
      auto dsum = c.temp(rows(dlast), cols(dlast));
      ops::norm_backward(c.w, dlast, constant(kept.normalised), constant(kept.rstd), row_of(c, dlast, 1), dsum);
      dlast = constant(dsum);
    }
    const Extent m = rows(dlast);
    auto dh = c.temp(m, width);
    p.stream.backward(c, size_of(c, p, kept, m), dlast, read_of(c, kept, m), p.O, g.O, dh);  // dh = dphi O      (n, k)
    if (m != kept.n) {
      auto all = c.temp(kept.n, width);
      ops::fill(c.w, all, typename decltype(all)::value_type(0));
      ops::add_to_rows(c.w, all, constant(dh), c.batch->first);
      dh = all;
    }
    Depth::backward(c, p, kept, constant(kept.x), dh, g, decltype(dh){});
  }

 private:
  /// h_L of the m rows that the task reads: the first of each sequence, where others are there as well.
  auto read_of(auto& c, auto& kept, Extent m) const {
    auto h = step_of(kept.h, kept.steps - 1, kept.n);
    if (m == kept.n) return h;
    auto first = c.temp(m, width);
    ops::gather_rows(c.w, first, constant(h), c.batch->first);
    return first;
  }
  /// r_L of those rows.
  auto size_of(auto& c, const auto& p, auto& kept, Extent m) const {
    if (!p.stream.relative || m == kept.n) return kept.size;
    auto first = c.temp(m, 1);
    using V = decltype(first);
    ops::gather_rows(c.w, first, constant(V(kept.size.data(), kept.n, 1)), c.batch->first);
    return V(first.data(), 1, m);
  }
};

}  // namespace peft
