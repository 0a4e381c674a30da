// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <vector>

#include <peft/ops/blend.hpp>
#include <peft/side/projection.hpp>
#include <peft/side/prune.hpp>
#include <peft/side/steps.hpp>

namespace peft {

/// Ladder side-tuning (LST; Sung et al., 2022), here beside a post-norm encoder: small encoder blocks of width w = d / r, fed by
/// the backbone's layers through trained gates,
///   s = D_e e + c_e;   per block at layer i:  s <- block_i(m_i s + (1 - m_i)(D_i h_i + c_i)),  m_i = sigmoid(a_i / T);
///   h_L <- U drop(s) + c_u        (`replaces`; else h_L += that, with U = c_u = 0 at first).
/// a = 0, T = 0.1, D and U as torch.nn.Linear; blocks are cut out of the backbone's (`pruned`) or N(0, 0.02^2). A last norm before
/// U is that of the last block. With w, f = inner / r and B blocks (at `layers`; none named: at every layer) it trains
/// d w + w + B (d w + w + 1 + 4 (w^2 + w) + 2 w f + f + w + 4 w) + w d + d.
template <int r = 8>
struct Ladder {
  static_assert(r > 0, "peft::Ladder<r>: the reduction r must be positive");
  static constexpr Route route = Route::side;
  static constexpr Kind fits = Kind::side;
  static constexpr bool taps_all_rows = true;

  int reduction = r, heads = 0;  // 0: as many as the backbone's
  double temperature = 0.1;
  bool replaces = true, pruned = true;
  std::vector<int> layers{};

  template <class V>
  struct Params {
    Weights<V> first, up;                // (w, d)  (d, w)
    std::vector<Weights<V>> down;        // per block (w, d)
    std::vector<V> gate;                 // per block (1, 1)
    std::vector<BlockTensors<V>> blocks;
    nn::Shape shape;              // of the blocks
    std::vector<int> at;                 // their layers
  };
  template <class V>
  struct Kept {
    V embedded, s, out;                  // (n, d)  (n, w)  (rows read, w)
    std::vector<V> x, difference;        // per block (n, d)  (n, w)
    std::vector<SideBlock<V>> blocks;
  };

  void declare(auto& fields, auto& p, const Module& m) const {
    p.shape = small_shape(m.shape, reduction, heads);
    p.at = layers;
    for (int l = 0; layers.empty() && l < m.shape.layers; ++l) p.at.push_back(l);
    require(std::is_sorted(p.at.begin(), p.at.end()) && p.at.front() >= 0 && p.at.back() < m.shape.layers,
            "Ladder: the layers of its blocks must be in order and among the backbone's ", m.shape.layers);
    p.shape.layers = static_cast<int>(p.at.size());
    p.down.resize(p.at.size()), p.gate.resize(p.at.size()), p.blocks.resize(p.at.size());
    declare_projection(fields, "first", p.first, m.in, p.shape.width);
    for (std::size_t b = 0; b < p.at.size(); ++b) {
      const auto path = cat("layer.", p.at[b]);
      declare_projection(fields, path + ".down", p.down[b], m.in, p.shape.width);
      fields.vector(path + ".gate", p.gate[b], 1);
      declare_block(fields, p.blocks[b], path, p.shape);
    }
    declare_projection(fields, "up", p.up, p.shape.width, m.in, !replaces);
  }
  void initialise(const auto& backbone, const Module& m, auto&& write) const {
    if (!pruned) return;
    const Pruner<typename std::remove_cvref_t<decltype(backbone)>::Scalar> pruner(backbone, small_shape(m.shape, reduction, heads));
    for (int l = 0; l < m.shape.layers; ++l)
      if (layers.empty() || std::count(layers.begin(), layers.end(), l)) pruner.block(l, cat("layer.", l), write);
  }

  void begin(auto&, const auto& p, auto& kept, int) const {
    kept.x.resize(p.at.size()), kept.difference.resize(p.at.size()), kept.blocks.resize(p.at.size());
  }
  void tap(auto& c, const auto& p, auto& kept, int layer, auto h) const {
    const Extent n = rows(h), w = p.shape.width;
    if (layer < 0) {
      kept.embedded = c.keep(n, cols(h), "taps");
      kept.s = c.keep(n, w, "side");
      ops::copy(c.w, kept.embedded, h);
      return project(c, p.first, h, kept.s);                      // s    = e D' + c               (n, w)
    }
    const auto b = static_cast<std::size_t>(std::find(p.at.begin(), p.at.end(), layer) - p.at.begin());
    if (b == p.at.size()) return;
    kept.x[b] = c.keep(n, cols(h), "taps");
    kept.difference[b] = c.keep(n, w, "side");
    auto mixed = c.keep(n, w, "side");
    {
      const auto scope = c.w.scope();
      auto z = c.temp(n, w);
      ops::copy(c.w, kept.x[b], h);
      project(c, p.down[b], h, z);                                // z    = h D' + c               (n, w)
      ops::blend(c.w, constant(p.gate[b]), temperature, constant(kept.s), constant(z), mixed, kept.difference[b]);
    }
    kept.s = mixed;                                                  // s    = m s + (1 - m) z        (n, w)
    if (b + 1 == p.at.size()) return;  // the last block waits for the rows that are read
    auto y = c.keep(n, w, "side");
    side_block(c, p.at[b], p.blocks[b], nullptr, kept.blocks[b], [&](auto& at, auto& block) { block.forward(at, p.shape, kept.s, y, false, true); });
    kept.s = y;                                                      // s    = block(s)
  }

  void correct(auto& c, const auto& p, auto& kept, auto last) const {
    const Extent n = rows(last);
    kept.out = c.keep(n, p.shape.width, "side");
    side_block(c, p.at.back(), p.blocks.back(), nullptr, kept.blocks.back(),
               [&](auto& at, auto& block) { block.forward(at, p.shape, kept.s, kept.out, n != c.batch->tokens, true); });
    store_dropped(c, kept.out, kept.out, p.shape.hidden_dropout);
    if (replaces) return project(c, p.up, kept.out, last);        // h_L  = s U' + c              (rows read, d)
    ops::add_row(c.w, last, constant(p.up.b));
    ops::gemm(c.w, last, kept.out, t(p.up.w), 1, 1);
  }

  void backward(auto& c, const auto& p, auto& kept, auto dlast, auto& g) const {
    const auto scope = c.w.scope();
    const Extent n = rows(kept.embedded), w = p.shape.width;
    decltype(kept.s) dy = c.temp(rows(dlast), w), turn[2] = {c.temp(n, w), c.temp(n, w)}, dz = c.temp(n, w), none;
    project_backward(c, p.up, kept.out, dlast, g.up, dy);            // dU  += dh' s,  ds = dh U     (d, w)
    store_dropped(c, dy, dy, p.shape.hidden_dropout);
    for (std::size_t b = p.at.size(); b-- > 0;) {
      const auto ds = turn[b % 2];
      side_block(c, p.at[b], p.blocks[b], &g.blocks[b], kept.blocks[b], [&](auto& at, auto& block) { block.backward(at, p.shape, dy, ds); });
      ops::blend_backward(c.w, constant(p.gate[b]), temperature, constant(kept.difference[b]), constant(ds), ds, dz, g.gate[b]);
      project_backward(c, p.down[b], kept.x[b], dz, g.down[b], none);
      dy = ds;
    }
    project_backward(c, p.first, kept.embedded, dy, g.first, none);
  }
};
static_assert(IsDelta<Ladder<>>);

}  // namespace peft
