// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cmath>
#include <vector>

#include <peft/ops/ragged.hpp>
#include <peft/side/named_fields.hpp>
#include <peft/side/recurrence.hpp>
#include <peft/side/stream.hpp>

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

  template <class V>
  struct Params {
    typename Depth::template Params<V> encoder, decoder;
    V Psi, O;  // (d, k) twice
    int encoder_layers = 0;
  };
  template <class V>
  struct Kept {
    typename Depth::template Kept<V> encoder, decoder;
    V source, target;  // (L_E n, d)  (L_D m, d): what the layers gave, with psi
    V size;            // (1, m) of phi^D_last, if relative
    int steps = 0;     // of the decoder
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
    kept.steps = layers - p.encoder_layers;
    kept.scores.clear();
  }
  /// Stores phi; the embeddings need no correction.
  void tap(auto& c, const auto& p, auto& kept, int layer, auto phi) const {
    const Extent n = rows(phi);
    if (layer == -1) {
      kept.source = c.keep(p.encoder_layers * n, cols(phi), "taps");
    } else if (layer == -2) {
      kept.target = c.keep(kept.steps * n, cols(phi), "taps");
      kept.size = stream().begin(c, n);
    } else {
      const bool first = layer < p.encoder_layers;
      stream().read(c, first ? step_of(kept.source, layer, n) : step_of(kept.target, layer - p.encoder_layers, n), phi,
                    dropout);
      if (layer == p.encoder_layers + kept.steps - 1) stream().measure(c, kept.size, phi);
    }
  }
  void tap_attention(auto&, const auto&, auto& kept, int, const auto& scores) const { kept.scores.push_back(scores); }

  void correct(auto& c, const auto& p, auto& kept, auto last) const {
    const auto h = depth.forward(c, p.encoder, kept.encoder, constant(kept.source), p.encoder_layers);
    {
      const auto scope = c.w.scope();
      const Extent m = rows(last);
      auto seen = c.temp(rows(h), cols(last)), psi = c.temp(m, cols(last));
      ops::gemm(c.w, seen, h, t(p.Psi));                           // Psi h^E                         (n, d)
      for (int j = 0; j < kept.steps; ++j) {
        const auto& scores = kept.scores[static_cast<std::size_t>(j)];
        ops::ragged_product(c.w, scores.segments, constant(scores.p), constant(seen), psi);
        ops::add(c.w, step_of(kept.target, j, m), constant(psi));  // x_j  = phi_j + psi_j            (m, d)
      }
    }
    const auto out = depth.forward(c, p.decoder, kept.decoder, constant(kept.target), kept.steps);
    stream().correct(c, kept.size, last, out, p.O);                // phi += h^D O'                   (m, d)
  }

  void backward(auto& c, const auto& p, auto& kept, auto dlast, auto& g) const {
    const auto scope = c.w.scope();
    const Extent m = rows(dlast), n = rows(kept.source) / p.encoder_layers;
    auto dout = c.temp(m, width), dx = c.temp(kept.steps * m, cols(dlast));
    stream().backward(c, kept.size, dlast, step_of(kept.decoder.h, kept.steps - 1, m), p.O, g.O,
                      dout);  // dh^D = dphi O  (m, k)
    depth.backward(c, p.decoder, kept.decoder, constant(kept.target), dout, g.decoder, dx);
    auto dseen = c.temp(n, cols(dlast)), dh = c.temp(n, width);
    ops::fill(c.w, dseen, typename decltype(dseen)::value_type(0));
    for (int j = 0; j < kept.steps; ++j) {
      const auto& scores = kept.scores[static_cast<std::size_t>(j)];
      ops::ragged_product_backward(c.w, scores.segments, constant(scores.p), constant(step_of(dx, j, m)), dseen);
    }
    ops::gemm(c.w, g.Psi, t(dseen), step_of(kept.encoder.h, p.encoder_layers - 1, n), 1, 1);
    ops::gemm(c.w, dh, dseen, p.Psi);                              // dh^E = dseen Psi                (n, k)
    depth.backward(c, p.encoder, kept.encoder, constant(kept.source), dh, g.encoder, decltype(dx){});
  }

 private:
  Stream stream() const { return {relative}; }
};

}  // namespace peft
