// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <peft/nn/drop.hpp>
#include <peft/nn/norm.hpp>
#include <peft/ops/embed.hpp>
#include <peft/pass.hpp>

namespace peft {

/// What a backbone puts below its layers: words, positions and segments, as far as it has tables of them, a norm where it
/// has one, and dropout; rows of an input delta before every sequence that the first layers read. P: a Call.
template <class P>
class Embedding {
 public:
  using Backbone = typename P::Backbone;
  using T = typename P::T;
  using V = typename P::V;
  using C = typename P::C;
  static constexpr bool normed = Backbone::sites.contains(Site::embed_norm);

  /// x (tokens, d) of the rows of p.batch. `crossing`: backward will come.
  void forward(const P& p, V x, bool crossing) {
    const Packed& b = *p.batch;
    const auto scope = p.w.scope();
    V sum = normed ? p.temp(b.tokens, p.backbone().width()) : x;
    ops::embed(p.w, sum, b.ids, b.positions, b.types, p.template weights<Site::word_table>().w,
               positions(p, p.template weights<Site::position_table>().w), p.template weights<Site::type_table>().w,
               p.virtual_rows());
    if constexpr (normed) norm_ = nn::norm<Site::embed_norm>(p, C(sum), C(), {}, p.shape().epsilon, x, crossing);
    nn::dropped(p, at(p), p.shape().dropout_of_embeddings(), x, x);
  }

  /// The gradient of the sum of embeddings, from that of what `forward` gave, in its place. Adds to the rows of an input
  /// delta.
  V backward(const P& p, V dx) {
    nn::dropped(p, at(p), p.shape().dropout_of_embeddings(), dx, dx);
    if constexpr (normed) nn::norm_backward<Site::embed_norm>(p, norm_, dx);
    const V dvirtual = p.virtual_rows_gradient();
    if (!empty(dvirtual)) ops::embed_backward(p.w, C(dx), p.batch->ids, dvirtual, true);
    // Where words are read off with their table, it has a gradient of its own in every lane.
    if (p.backbone().tied()) {
      const auto g = p.template weight_gradient<Site::word_table>();
      if (!empty(g.w)) ops::embed_backward(p.w, C(dx), p.batch->ids, g.w);
    }
    return dx;
  }

  /// Adds the gradients of tables, from that of the sum of embeddings of the rows of p.batch.
  void add_tables(const P& p, typename P::Tensors& tables, V dsum) {
    const Packed& b = *p.batch;
    if (!p.backbone().tied()) table<Site::word_table>(p, tables, dsum, b.ids);
    table<Site::position_table>(p, tables, dsum, b.positions);
    table<Site::type_table>(p, tables, dsum, b.types);
  }

 private:
  /// A decoder draws other masks than its encoder.
  static nn::DropoutAt at(const P& p) {
    return p.batch == p.seen().source ? nn::DropoutAt::source : nn::DropoutAt::embedding;
  }
  /// The rows of positions 0, 1, ..
  template <class Table>
  static Table positions(const P& p, const Table& all) {
    return empty(all) ? all : slice(all, p.backbone().position_offset(), rows(all));
  }
  template <Site S>
  void table(const P& p, typename P::Tensors& tables, V dsum, const int* index) {
    if constexpr (Backbone::sites.contains(S)) {
      const auto g = p.template weight_gradient<S>(tables);
      if (!empty(g.w)) ops::embed_backward(p.w, C(dsum), index, S == Site::position_table ? positions(p, g.w) : g.w);
    }
  }

  nn::NormKept<V> norm_;
};

}  // namespace peft
