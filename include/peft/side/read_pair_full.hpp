// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <peft/side/concatenated.hpp>
#include <peft/side/gru.hpp>
#include <peft/side/named_fields.hpp>
#include <peft/side/recurrence.hpp>
#include <peft/side/taps.hpp>

namespace peft {

/// READ on an encoder-decoder by its equations 12 and 13 (Nguyen et al., 2023, appendix A), without what Algorithm 1
/// leaves out of them:
///   encoder:  psi^a_i = Phi F h^a_{i-1} + sum_b sigma^ab_i Psi F h^b_{i-1}          through attention to itself,
///   decoder:  psi^a_j = Phi F h^a_{j-1} + sum_b sigma^ab_j Psi F^E h^E,b_last       through attention to the encoder,
///   h_i = cell([phi_i; psi_i], h_{i-1}),   phi^D_last <- phi^D_last + O h^D_last.
/// What the two have of their own are F, Phi, Psi and the cell. As in ReadPair: `relative`, O ~ N(0,
/// output_deviation^2), 0, means over the heads, and matrices shared by the layers. Either joiner may be another
/// (side/concatenated.hpp), gated as eq. 14 as well. Trains 2 G k (d + 2 k + 2) + 3 (2 k^2 + 2 k) + 4 k^2 + d k; G = 1
/// RNN, 3 GRU, 4 LSTM.
template <class Cell = GRU, int k = 128, class Encoder = Concatenated<OwnToken, SameSequence>,
          class Decoder = Concatenated<OwnToken, SourceSequence>>
struct ReadPairFull {
  static_assert(IsCell<Cell>,
                "peft::ReadPairFull<Cell, k>: this type is no recurrent cell (peft/side/cell.hpp: IsCell)");
  static_assert(k > 0, "peft::ReadPairFull<Cell, k>: the width k must be positive");
  static_assert(!Decoder::own_scores,
                "peft::ReadPairFull: eq. 13 reads how a decoder attends to its encoder, not to itself");
  static constexpr Route route = Route::side;
  static constexpr Kind fits = Kind::side;
  static constexpr bool taps_all_rows = true, taps_scores = true, taps_own_scores = Encoder::own_scores;
  static constexpr bool mixes_tokens = false;  // a decoder's row sees no other of the decoder

  [[no_unique_address]] Recurrence<Cell, Encoder> encoder{};
  [[no_unique_address]] Recurrence<Cell, Decoder> decoder{};
  [[no_unique_address]] SideFfn ffn{};
  int width = k;
  double dropout = 0, output_deviation = 0;
  bool relative = true;

  /// What may be set by name.
  void each_setting(auto&& set) {
    set("width", width), set("dropout", dropout), set("output_deviation", output_deviation), set("relative", relative);
  }

  template <class V>
  struct Params {
    typename Recurrence<Cell, Encoder>::template Params<V> encoder;
    typename Recurrence<Cell, Decoder>::template Params<V> decoder;
    SideFfn::Params<V> F;  // of the source
    V O;                   // (d, k)
    int encoder_layers = 0;
  };
  template <class V>
  struct Kept {
    typename Recurrence<Cell, Encoder>::template Kept<V> encoder;
    typename Recurrence<Cell, Decoder>::template Kept<V> decoder;
    Taps<V> taps;
    V z, slope;        // (n, k) of F
  };

  void declare(auto& fields, auto& p, const Module& m) const {
    require(m.shape.encoder_layers > 0,
            "ReadPairFull: the backbone is no encoder-decoder; Read is for an encoder or a decoder alone");
    p.encoder_layers = m.shape.encoder_layers;
    NamedFields of_encoder{fields, "encoder."}, of_decoder{fields, "decoder."};
    encoder.declare(of_encoder, p.encoder, m.in, width);
    decoder.declare(of_decoder, p.decoder, m.in, width);
    ffn.declare(fields, "source.ffn", p.F, width);
    fields.trained("output.weight", p.O, m.in, width, normal(output_deviation));
  }

  void settings(auto&& says) const { says("relative", relative); }
  void begin(auto&, const auto& p, auto& kept, int layers) const { kept.taps.begin(layers, p.encoder_layers); }
  void tap(auto& c, const auto&, auto& kept, int layer, auto phi) const {
    if constexpr (taps_own_scores)
      if (layer == -1) kept.encoder.join.others.scores.clear();
    if (layer == -2) kept.decoder.join.others.scores.clear();  // of a text that is written row by row these come anew
    kept.taps.take(c, stream(), layer, phi);
  }
  void tap_own_attention(auto&, const auto&, auto& kept, int, const auto& scores) const {
    kept.encoder.join.others.scores.push_back(scores);
  }
  void tap_attention(auto&, const auto&, auto& kept, int, const auto& scores) const {
    kept.decoder.join.others.scores.push_back(scores);
  }

  void correct(auto& c, const auto& p, auto& kept, auto last) const {
    const auto &of_source = kept.taps.encoder, &of_target = kept.taps.decoder;
    const auto h = encoder.forward(c, p.encoder, kept.encoder, of_source.x, of_source.layers);  // h^E_i
    auto& seen = kept.decoder.join.others.source;
    for (auto* v : {&kept.z, &kept.slope, &seen}) *v = c.keep(rows(h), width, "side");
    ffn.forward(c, p.F, h, kept.z, kept.slope, seen);  // F^E h^E                         (n, k)
    const auto out = decoder.forward(c, p.decoder, kept.decoder, of_target.x, of_target.layers);  // h^D_j
    stream().correct(c, kept.taps, last, out, p.O);  // phi += O h^D                    (m, d)
  }

  void backward(auto& c, const auto& p, auto& kept, auto dlast, auto& g) const {
    const auto scope = c.w.scope();
    const Extent n = kept.taps.encoder.n;
    const auto dout = stream().backward(c, kept.taps, dlast, decoder.last(kept.decoder), p.O, g.O);
    const auto dh = c.temp(n, width);
    auto& dseen = kept.decoder.join.others.source_gradient;
    dseen = c.temp(n, width);
    for (auto v : {dseen, dh}) ops::fill(c, v, 0);
    decoder.backward(c, p.decoder, kept.decoder, kept.taps.decoder.x, dout, g.decoder);
    ffn.backward(c, p.F, dseen, kept.slope, dh);  // dh^E                            (n, k)
    ffn.finish(c, dseen, kept.z, kept.slope, encoder.last(kept.encoder), g.F);
    encoder.backward(c, p.encoder, kept.encoder, kept.taps.encoder.x, dh, g.encoder);
  }

 private:
  Stream stream() const { return {relative, dropout}; }
};

}  // namespace peft
