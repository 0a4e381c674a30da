// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <array>
#include <vector>

#include <peft/nn/affine.hpp>
#include <peft/side/prune.hpp>
#include <peft/side/rung.hpp>
#include <peft/side/steps.hpp>

namespace peft {

/// Ladder side-tuning (LST; Sung et al., 2022): small layers of width w = d / r, built as the backbone's (`side_spec`),
/// fed by its layers through trained gates,
///   s = D_e e + c_e;   per block at layer i:  s <- block_i(m_i s + (1 - m_i)(D_i h_i + c_i)),  m_i = sigmoid(a_i / T);
///   h_L <- U drop(s) + c_u        (`replaces`; else h_L += that, with U = c_u = 0 at first).
/// A pre-norm backbone's ladder has a norm N of its own after its last layer: U drop(N(s)). Beside an encoder-decoder
/// there are two, each from its own embeddings; layers of the decoder's attend to drop(N(s)) of the encoder's.
/// Distances get the backbone's frozen numbers (T5), rotary heads turn as part of the backbone's. Here h_L goes through
/// the backbone's own last norm; the released code reads words off U's output as it is.
///
/// a = 0, T = 0.1, D and U as torch.nn.Linear; blocks and N are cut out of the backbone's (`pruned`, by what Score
/// says: Magnitude, or Fisher as the paper) or N(0, 0.02^2). With w, f = inner / r and B blocks (at `layers`; none
/// named: at every layer) it trains beside BERT d w + w + B (d w + w + 1 + 4 (w^2 + w) + 2 w f + f + w + 4 w) + w d +
/// d.
template <int r = 8, class Score = Magnitude>
struct Ladder {
  static_assert(r > 0, "peft::Ladder<r>: the reduction r must be positive");
  static constexpr Route route = Route::side;
  static constexpr Kind fits = Kind::side;
  static constexpr bool taps_all_rows = true;

  int reduction = r, heads = 0;  // 0: as many as the backbone's
  double temperature = 0.1;
  bool replaces = true, pruned = true;
  std::vector<int> layers{};  // counted through, an encoder's first
  [[no_unique_address]] Score score{};  // what `pruned` goes by

  /// What may be set by name.
  void each_setting(auto&& set) {
    set("reduction", reduction), set("heads", heads), set("temperature", temperature);
    set("replaces", replaces), set("pruned", pruned);
  }

  /// One stack, or the encoder's and the decoder's: [0] is the one whose output is corrected.
  template <class V>
  using Both = std::array<V, 2>;
  template <class V>
  struct Params {
    Both<Weights<V>> first;  // (w, d)
    Weights<V> up;  // (d, w)
    Both<BlockTensors<V>> last;  // norms
    std::vector<Rung::Params<V>> rungs;  // one before each block
    std::vector<BlockTensors<V>> blocks;
    nn::Shape shape;  // of the blocks
    std::vector<int> at;  // their layers
    std::size_t encoder = 0;  // how many of them are an encoder's
  };
  template <class V>
  struct Kept {
    Both<V> embedded;  // (n, d)
    V s, out;  // (n, w)  (rows read, w)
    Both<nn::NormKept<V>> last;
    std::vector<Rung::Kept<V>> rungs;
    std::vector<std::any> blocks;
    SideView<V> seen;
  };

  void declare(auto& fields, auto& p, const Module& m) const {
    p.shape = small_shape(m, reduction, heads);
    p.at = blocks_at(m.shape);
    p.encoder =
        static_cast<std::size_t>(std::lower_bound(p.at.begin(), p.at.end(), m.shape.encoder_layers) - p.at.begin());
    require(p.encoder < p.at.size(), "Ladder: no block at the layers of the decoder, from ", m.shape.encoder_layers,
            " on");
    p.rungs.resize(p.at.size()), p.blocks.resize(p.at.size());
    if (m.spec.cross) declare_stack(fields, p, m, 1, "encoder.");
    declare_stack(fields, p, m, 0, "");
    for (std::size_t b = 0; b < p.at.size(); ++b) {
      const auto path = cat("layer.", p.at[b]);
      Rung::declare(fields, p.rungs[b], path, m.in, p.shape.width);
      declare_block(fields, p.blocks[b], path, m.spec, p.shape, p.at[b]);
    }
    nn::declare_affine(fields, "up", p.up, p.shape.width, m.in, nn::Runs::in_groups, !replaces);
  }
  void initialise(const auto& backbone, const Module& m, auto&& write) const {
    if (!pruned) return;
    const Pruner<typename std::remove_cvref_t<decltype(backbone)>::Scalar, Score> pruner(
        backbone, small_shape(m, reduction, heads), score);
    for (const int l : blocks_at(m.shape)) pruner.block(l, cat("layer.", l), write);
    if (m.spec.cross) pruner.norm(m.shape.encoder_layers - 1, "encoder.norm", write);
    if (m.spec.pre_norm) pruner.norm(m.shape.layers - 1, "norm", write);
  }

  void settings(auto&& says) const {
    says("heads", heads), says("temperature", temperature), says("replaces", replaces);
  }
  void begin(auto&, const auto& p, auto& kept, int) const {
    kept.rungs.resize(p.at.size()), kept.blocks.resize(p.at.size());
    kept.seen = {};
  }
  void tap(auto& c, const auto& p, auto& kept, int layer, auto h) const {
    if (layer < 0) return start(c, p, kept, layer, h);
    climb(c, p, kept, layer, h);
    if (layer + 1 == p.shape.encoder_layers) kept.seen.source = normed(c, p, kept, 1, kept.s);
  }
  void correct(auto& c, const auto& p, auto& kept, auto last) const {
    const Extent n = rows(last);
    kept.out = c.keep(n, p.shape.width, "side");
    auto at = side_pass(c, p.at.back(), p.shape, p.blocks.back(), nullptr, kept.seen);
    block_in(at, kept.blocks.back()).forward(at, p.shape, kept.s, kept.out, n != c.batch->tokens, true);
    if constexpr (decltype(at)::spec.pre_norm) kept.out = normed(c, p, kept, 0, kept.out);
    if constexpr (!decltype(at)::spec.pre_norm) drop_into(c, kept.out, kept.out, p.shape.hidden_dropout);
    if (replaces) return nn::affine(c, p.up, kept.out, last);  // h_L  = s U' + c              (rows read, d)
    ops::add_row(c, last, p.up.b);
    ops::gemm(c, last, kept.out, t(p.up.w), 1, 1);
  }

  void backward(auto& c, const auto& p, auto& kept, auto dlast, auto& g) const {
    const auto scope = c.w.scope();
    using V = decltype(kept.s);
    const Extent w = p.shape.width;
    V dy = c.temp(rows(dlast), w), none;
    nn::affine_backward(c, p.up, kept.out, dlast, g.up, dy);  // dU  += dh' s,  ds = dh U     (d, w)
    if (empty(kept.last[0].rstd))
      drop_into(c, dy, dy, p.shape.hidden_dropout);
    else
      normed_backward(c, p, kept, 0, dy, g);
    const bool two = p.shape.encoder_layers > 0;
    if (two) {
      kept.seen.source_gradient = c.temp(rows(kept.seen.source), w);
      ops::fill(c, kept.seen.source_gradient, 0);
    }
    dy = descend(c, p, kept, p.encoder, p.at.size(), rows(kept.embedded[0]), dy, g);
    nn::affine_backward(c, p.first[0], kept.embedded[0], dy, g.first[0], none);
    if (!two) return;
    dy = kept.seen.source_gradient;
    normed_backward(c, p, kept, 1, dy, g);
    dy = descend(c, p, kept, 0, p.encoder, rows(kept.embedded[1]), dy, g);
    nn::affine_backward(c, p.first[1], kept.embedded[1], dy, g.first[1], none);
  }

 private:
  /// s = D_e e + c_e, at the foot of a stack.
  void start(auto& c, const auto& p, auto& kept, int layer, auto e) const {
    if (layer == -1) kept.seen.rotary = side_rotary<decltype(kept.s)>(c, p.shape);
    const std::size_t stack = p.shape.encoder_layers > 0 && layer == -1;
    kept.embedded[stack] = c.keep(rows(e), cols(e), "taps");
    kept.s = c.keep(rows(e), p.shape.width, "side");
    ops::copy(c, kept.embedded[stack], e);
    nn::affine(c, p.first[stack], e, kept.s);
  }
  /// s <- block(m s + (1 - m)(D h + c)), where a block stands at the layer.
  void climb(auto& c, const auto& p, auto& kept, int layer, auto h) const {
    const auto b = static_cast<std::size_t>(std::find(p.at.begin(), p.at.end(), layer) - p.at.begin());
    if (b == p.at.size()) return;
    kept.s = rung().forward(c, p.rungs[b], kept.rungs[b], h, kept.s);
    if (b + 1 == p.at.size()) return;  // the last block waits for the rows that are read
    auto y = c.keep(rows(h), p.shape.width, "side");
    auto at = side_pass(c, layer, p.shape, p.blocks[b], nullptr, kept.seen);
    block_in(at, kept.blocks[b]).forward(at, p.shape, kept.s, y, false, true);
    kept.s = y;
  }
  Rung rung() const { return {temperature}; }
  std::vector<int> blocks_at(const nn::Shape& shape) const {
    std::vector<int> at = layers;
    for (int l = 0; layers.empty() && l < shape.layers; ++l) at.push_back(l);
    require(std::is_sorted(at.begin(), at.end()) && at.front() >= 0 && at.back() < shape.layers,
            "Ladder: the layers of its blocks must be in order and among the backbone's ", shape.layers);
    return at;
  }
  void declare_stack(auto& fields, auto& p, const Module& m, std::size_t stack, const std::string& path) const {
    nn::declare_affine(fields, path + "first", p.first[stack], m.in, p.shape.width, nn::Runs::in_groups);
    if (m.spec.pre_norm) declare_part(fields, p.last[stack], path + "norm", Site::final_norm, m.spec, p.shape);
  }

  static int last_layer(const auto& p, std::size_t stack) {
    return (stack == 1 ? p.shape.encoder_layers : p.shape.layers) - 1;
  }
  /// drop(N(s)) of a stack.
  auto normed(auto& c, const auto& p, auto& kept, std::size_t stack, decltype(kept.s) s) const {
    auto at = side_pass(c, last_layer(p, stack), p.shape, p.last[stack], nullptr, kept.seen);
    if (stack == 0) at.row_ids = c.row_ids;
    auto y = c.keep(rows(s), cols(s), "side");
    kept.last[stack] = nn::norm<Site::final_norm>(at, s, {}, {}, p.shape.epsilon, y, true);
    nn::dropped(at, nn::DropoutAt::final, p.shape.hidden_dropout, y, y);
    return y;
  }
  /// Turns dy into the gradient of s.
  void normed_backward(auto& c, const auto& p, auto& kept, std::size_t stack, decltype(kept.s) dy, auto& g) const {
    auto at = side_pass(c, last_layer(p, stack), p.shape, p.last[stack], &g.last[stack], kept.seen);
    if (stack == 0) at.row_ids = c.row_ids;
    nn::dropped(at, nn::DropoutAt::final, p.shape.hidden_dropout, dy, dy);
    nn::norm_backward<Site::final_norm>(at, kept.last[stack], dy);
  }
  /// The blocks [begin, end) backwards: from the gradient of the last one's output to that of the first one's s (n, w).
  auto descend(auto& c, const auto& p, auto& kept, std::size_t begin, std::size_t end, Extent n, decltype(kept.s) dy,
               auto& g) const {
    using V = decltype(kept.s);
    const Extent w = p.shape.width;
    V turn[2] = {c.temp(n, w), c.temp(n, w)};
    for (std::size_t b = end; b-- > begin;) {
      const V ds = turn[b % 2];
      auto at = side_pass(c, p.at[b], p.shape, p.blocks[b], &g.blocks[b], kept.seen);
      block_in(at, kept.blocks[b]).backward(at, p.shape, dy, ds);
      rung().backward(c, p.rungs[b], kept.rungs[b], ds, g.rungs[b]);
      dy = ds;
    }
    return dy;
  }
};
static_assert(IsDelta<Ladder<>>);

}  // namespace peft
