// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <vector>

#include <peft/nn/affine.hpp>
#include <peft/ops/blend.hpp>
#include <peft/side/prune.hpp>
#include <peft/side/steps.hpp>

namespace peft {

/// Side-tuning (Zhang et al., 2020): the backbone's output B blended with that of a small network S on the same input,
///   R = alpha B + (1 - alpha) S,   alpha = sigmoid(a),   S = U block_m(.. block_1(D e + c)) + c_u   on the embeddings e.
/// a = 0, so that a fresh S halves what the backbone says (with `blends` false it stays so: 0.5 and 0.5, nothing
/// trained); D and U as torch.nn.Linear; blocks ~ N(0, 0.02^2) or cut out of the backbone's first ones (`pruned`). With
/// w = d / r, f = inner / r it trains 1 + d w + w + m (4 (w^2 + w) + 2 w f + f + w + 4 w) + w d + d beside BERT; blocks
/// are built as the backbone's (side/block.hpp).
template <int r = 8>
struct SideTuning {
  static_assert(r > 0, "peft::SideTuning<r>: the reduction r must be positive");
  static constexpr Route route = Route::side;
  static constexpr Kind fits = Kind::side;
  static constexpr Need needs = Need::one_stack;
  static constexpr bool taps_all_rows = true;

  int reduction = r, heads = 0, depth = 2;  // heads 0: as many as the backbone's
  double start = 0;  // a
  bool blends = true, pruned = false;

  /// What may be set by name.
  void each_setting(auto&& set) {
    set("reduction", reduction), set("heads", heads), set("depth", depth), set("start", start);
    set("blends", blends), set("pruned", pruned);
  }

  template <class V>
  struct Params {
    Weights<V> first, up;  // (w, d)  (d, w)
    V a;  // (1, 1)
    std::vector<BlockTensors<V>> blocks;
    nn::Shape shape;
  };
  template <class V>
  struct Kept {
    V embedded, difference, out;  // (n, d)  (rows read, d)  (rows read, w)
    V s;  // (n, w)
    SideView<V> seen;
    std::vector<std::any> blocks;
  };

  void declare(auto& fields, auto& p, const Module& m) const {
    p.shape = small_shape(m, reduction, heads);
    p.shape.layers = depth;
    require(depth > 0, "SideTuning: depth = ", depth, ": at least one block");
    p.blocks.resize(static_cast<std::size_t>(depth));
    if (blends)
      fields.vector("alpha", p.a, 1, constant_of(start));
    else
      fields.state("alpha", p.a, 1, 1, constant_of(start));
    nn::declare_affine(fields, "first", p.first, m.in, p.shape.width, nn::Runs::in_groups);
    for (int b = 0; b < depth; ++b) declare_block(fields, p.blocks[b], cat("layer.", b), m.spec, p.shape, b);
    nn::declare_affine(fields, "up", p.up, p.shape.width, m.in, nn::Runs::in_groups);
  }
  void initialise(const auto& backbone, const Module& m, auto&& write) const {
    if (!pruned) return;
    require(depth <= m.shape.layers, "SideTuning: ", depth, " blocks cannot be cut out of ", m.shape.layers, " layers");
    const Pruner<typename std::remove_cvref_t<decltype(backbone)>::Scalar> pruner(backbone,
                                                                                  small_shape(m, reduction, heads));
    for (int b = 0; b < depth; ++b) pruner.block(b, cat("layer.", b), write);
  }

  void settings(auto&& says) const { says("heads", heads); }
  void begin(auto&, const auto&, auto& kept, int) const { kept.blocks.resize(static_cast<std::size_t>(depth)); }
  void tap(auto& c, const auto& p, auto& kept, int layer, auto h) const {
    if (layer >= 0) return;
    const Extent n = rows(h), w = p.shape.width;
    kept.embedded = c.keep(n, cols(h), "taps");
    kept.s = c.keep(n, w, "side");
    kept.seen.rotary = side_rotary<decltype(kept.s)>(c, p.shape);
    ops::copy(c, kept.embedded, h);
    nn::affine(c, p.first, h, kept.s);  // s    = e D' + c               (n, w)
    for (int b = 0; b + 1 < depth; ++b) {
      auto y = c.keep(n, w, "side");
      auto at = side_pass(c, b, p.shape, p.blocks[b], nullptr, kept.seen);
      block_in(at, kept.blocks[b]).forward(at, p.shape, kept.s, y, false, true);
      kept.s = y;  // s    = block(s)
    }
  }
  void correct(auto& c, const auto& p, auto& kept, auto last) const {
    const Extent n = rows(last), b = depth - 1;
    kept.out = c.keep(n, p.shape.width, "side");
    kept.difference = c.keep(n, cols(last), "side");
    auto at = side_pass(c, b, p.shape, p.blocks[b], nullptr, kept.seen);
    block_in(at, kept.blocks[b]).forward(at, p.shape, kept.s, kept.out, n != c.batch->tokens, true);
    const auto scope = c.w.scope();
    auto s = c.temp(n, cols(last));
    nn::affine(c, p.up, kept.out, s);  // S    = s U' + c               (rows read, d)
    ops::blend(c, p.a, 1., last, s, last, kept.difference);
  }
  void backward(auto& c, const auto& p, auto& kept, auto dlast, auto& g) const {
    const auto scope = c.w.scope();
    const Extent n = rows(kept.embedded), w = p.shape.width;
    decltype(kept.s) ds = c.temp(rows(dlast), cols(dlast)), dy = c.temp(rows(dlast), w),
                     turn[2] = {c.temp(n, w), c.temp(n, w)}, none;
    ops::blend_backward(c, p.a, 1., kept.difference, dlast, none, ds, g.a);
    nn::affine_backward(c, p.up, kept.out, ds, g.up, dy);
    for (int b = depth - 1; b >= 0; --b) {
      auto at = side_pass(c, b, p.shape, p.blocks[b], &g.blocks[b], kept.seen);
      block_in(at, kept.blocks[b]).backward(at, p.shape, dy, turn[b % 2]);
      dy = turn[b % 2];
    }
    nn::affine_backward(c, p.first, kept.embedded, dy, g.first, none);
  }
};
static_assert(IsDelta<SideTuning<>>);

}  // namespace peft
