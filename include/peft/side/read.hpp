// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <optional>

#include <peft/side/concatenated.hpp>
#include <peft/side/plain_norm.hpp>
#include <peft/side/recurrence.hpp>
#include <peft/side/taps.hpp>

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
  static constexpr Need needs = Need::one_stack;
  static constexpr bool taps_own_scores = Joiner::own_scores, taps_all_rows = taps_own_scores;
  using Depth = Recurrence<Cell, Joiner>;

  int width = k;
  double dropout = 0, output_deviation = 0;
  std::optional<bool> relative{};  // not given: beside a pre-norm backbone
  bool norm_after = false;
  double epsilon = 1e-12;  // of that norm

  /// What may be set by name.
  void each_setting(auto&& set) {
    set("width", width), set("dropout", dropout), set("output_deviation", output_deviation),
        set("norm_after", norm_after);
  }

  template <class V>
  struct Params : Depth::template Params<V> {
    V O;  // (d, k)
    bool relative = false;
  };
  template <class V>
  struct Kept : Depth::template Kept<V> {
    Taps<V> taps;
    PlainNorm::Kept<V> norm;
  };

  void declare(auto& fields, auto& p, const Module& m) const {
    p.relative = relative.value_or(m.spec.pre_norm);
    Depth::declare(fields, p, m.in, width);
    fields.trained("output.weight", p.O, m.in, width, normal(output_deviation));
  }
  void settings(auto&& says) const { says("relative", relative ? int(*relative) : -1), says("norm_after", norm_after); }

  void begin(auto&, const auto&, auto& kept, int layers) const {
    kept.taps.begin(layers);
    if constexpr (taps_own_scores) kept.join.others.scores.clear();
  }
  void tap_own_attention(auto&, const auto&, auto& kept, int, const auto& scores) const {
    kept.join.others.scores.push_back(scores);
  }
  void tap(auto& c, const auto& p, auto& kept, int layer, auto phi) const {
    kept.taps.take(c, stream(p), layer, phi);  // x_i  = phi_i / r_i
  }
  void correct(auto& c, const auto& p, auto& kept, auto last) const {
    const auto& x = kept.taps.decoder;
    const auto h = Depth::forward(c, p, kept, x.x, x.layers);  // h_i  = cell(x_i, h_{i-1})
    stream(p).correct(c, kept.taps, last, h, p.O);  // phi_L += r_L O h_L
    if (norm_after) norm().forward(c, kept.norm, last);
  }
  void backward(auto& c, const auto& p, auto& kept, auto dlast, auto& g) const {
    const auto scope = c.w.scope();
    if (norm_after) dlast = norm().backward(c, kept.norm, dlast);
    const auto dh = stream(p).backward(c, kept.taps, dlast, Depth::last(kept), p.O, g.O);
    Depth::backward(c, p, kept, kept.taps.decoder.x, dh, g);
  }

 private:
  Stream stream(const auto& p) const { return {p.relative, dropout}; }
  PlainNorm norm() const { return {epsilon}; }
};

}  // namespace peft
