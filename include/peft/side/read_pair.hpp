// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cmath>
#include <vector>

#include <peft/ops/ragged.hpp>
#include <peft/side/named_fields.hpp>
#include <peft/side/recurrence.hpp>
#include <peft/side/taps.hpp>

namespace peft {

/// READ in full (Nguyen et al., 2023), Algorithm 1 on an encoder-decoder: a recurrence over the encoder's depth, for
/// every token of the source, and one over the decoder's, which sees the former's result through the backbone's own
/// cross-attention,
///   h^E_i = N_E(phi^E_i, h^E_{i-1}),   psi^a_j = sum_b sigma^ab_j Psi h^E,b_last,
///   h^D_j = N_D(phi^D_j + psi_j, h^D_{j-1}),   phi^D_last <- phi^D_last + O h^D_last,
/// sigma_j the scores of decoder layer j, their mean over the heads. No gradient crosses the backbone, and the tensors
/// do not depend on its depth. Left open by the paper: how phi is measured (`relative`, side/stream.hpp: by its own
/// size, for T5's stream is not bounded), O and its initial value (`output_deviation`: 0, the first step is the
/// backbone's), the mean over heads, and Psi ~ U(+-1/sqrt(k)). Trains 2 G k (d + k + 2) + 2 d k; G = 1 RNN, 3 GRU, 4
/// LSTM.
template <class Cell = GRU, int k = 128>
struct ReadPair {
  static_assert(IsCell<Cell>, "peft::ReadPair<Cell, k>: this type is no recurrent cell (peft/side/cell.hpp: IsCell)");
  static_assert(k > 0, "peft::ReadPair<Cell, k>: the width k must be positive");
  static constexpr Route route = Route::side;
  static constexpr Kind fits = Kind::side;
  static constexpr bool taps_all_rows = true, taps_scores = true;
  static constexpr bool mixes_tokens = false;  // a decoder's row sees no other of the decoder
  using Depth = Recurrence<Cell, Direct>;

  [[no_unique_address]] Depth depth{};
  int width = k;
  double dropout = 0, output_deviation = 0;
  bool relative = true;

  /// What may be set by name.
  void each_setting(auto&& set) {
    set("width", width), set("dropout", dropout), set("output_deviation", output_deviation), set("relative", relative);
  }

  template <class V>
  struct Params {
    typename Depth::template Params<V> encoder, decoder;
    V Psi, O;  // (d, k) twice
    int encoder_layers = 0;
  };
  template <class V>
  struct Kept {
    typename Depth::template Kept<V> encoder, decoder;
    Taps<V> taps;  // of the decoder with psi
    std::vector<ops::Ragged<V>> scores;
  };

  void declare(auto& fields, auto& p, const Module& m) const {
    require(m.shape.encoder_layers > 0,
            "ReadPair: the backbone is no encoder-decoder; Read is for an encoder or a decoder alone");
    p.encoder_layers = m.shape.encoder_layers;
    NamedFields encoder{fields, "encoder."}, decoder{fields, "decoder."};
    depth.declare(encoder, p.encoder, m.in, width);
    depth.declare(decoder, p.decoder, m.in, width);
    fields.trained("psi.weight", p.Psi, m.in, width, uniform(1 / std::sqrt(static_cast<double>(width))));
    fields.trained("output.weight", p.O, m.in, width, normal(output_deviation));
  }

  void settings(auto&& says) const { says("relative", relative); }
  void begin(auto&, const auto& p, auto& kept, int layers) const {
    kept.taps.begin(layers, p.encoder_layers);
    kept.scores.clear();
  }
  void tap(auto& c, const auto&, auto& kept, int layer, auto phi) const { kept.taps.take(c, stream(), layer, phi); }
  void tap_attention(auto&, const auto&, auto& kept, int, const auto& scores) const { kept.scores.push_back(scores); }

  void correct(auto& c, const auto& p, auto& kept, auto last) const {
    const auto &source = kept.taps.encoder, &target = kept.taps.decoder;
    const auto h = depth.forward(c, p.encoder, kept.encoder, source.x, source.layers);  // h^E_i
    {
      const auto scope = c.w.scope();
      const auto seen = c.temp(rows(h), cols(last)), psi = c.temp(target.n, cols(last));
      ops::gemm(c, seen, h, t(p.Psi));  // Psi h^E                         (n, d)
      for (int j = 0; j < target.layers; ++j) {
        const auto& scores = kept.scores[static_cast<std::size_t>(j)];
        ops::ragged_product(c, scores.segments, scores.p, seen, psi);  // psi_j = sigma_j Psi h^E         (m, d)
        ops::add(c, target.of(j), psi);                                // x_j  = phi_j + psi_j
      }
    }
    const auto out = depth.forward(c, p.decoder, kept.decoder, target.x, target.layers);  // h^D_j
    stream().correct(c, kept.taps, last, out, p.O);  // phi += O h^D                    (m, d)
  }

  void backward(auto& c, const auto& p, auto& kept, auto dlast, auto& g) const {
    const auto scope = c.w.scope();
    const auto &source = kept.taps.encoder, &target = kept.taps.decoder;
    const auto dout = stream().backward(c, kept.taps, dlast, depth.last(kept.decoder), p.O, g.O);
    const auto dx = c.temp(rows(target.x), cols(dlast));
    depth.backward(c, p.decoder, kept.decoder, target.x, dout, g.decoder, dx);
    const auto dseen = c.temp(source.n, cols(dlast)), dh = c.temp(source.n, width);
    ops::fill(c, dseen, 0);
    for (int j = 0; j < target.layers; ++j) {
      const auto& scores = kept.scores[static_cast<std::size_t>(j)];
      ops::ragged_product_backward(c, scores.segments, scores.p, step_of(dx, j, target.n), dseen);
    }
    ops::gemm(c, g.Psi, t(dseen), depth.last(kept.encoder), 1, 1);
    ops::gemm(c, dh, dseen, p.Psi);  // dh^E = dseen Psi                (n, k)
    depth.backward(c, p.encoder, kept.encoder, source.x, dh, g.encoder);
  }

 private:
  Stream stream() const { return {relative, dropout}; }
};

}  // namespace peft
