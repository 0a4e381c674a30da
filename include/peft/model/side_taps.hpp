// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <tuple>
#include <type_traits>

#include <peft/model/stack.hpp>
#include <peft/ops/ragged.hpp>
#include <peft/ops/select.hpp>
#include <peft/pass.hpp>

namespace peft {

/// Can a row be decoded with nothing of the earlier ones but their keys and values?
template <class M>
constexpr bool decodes_by_row() {
  return []<std::size_t... i>(std::index_sequence<i...>) {
    return !(mixes_tokens<typename M::template type<i>>() || ... || false);
  }(std::make_index_sequence<M::size>{});
}

/// The side nets of a pass: what they are shown of a group on its way through the layers, and what they give back. P:
/// the Pass of one worker; `all_rows`: the task reads every row, and not the first of each sequence.
template <class P, bool all_rows = true>
struct SideTaps {
  using T = typename P::T;
  using V = typename P::V;
  using C = typename P::C;

  /// Does any net ask for the scores of attention to an encoder?
  static constexpr bool shows_scores = [] {
    return []<std::size_t... i>(std::index_sequence<i...>) {
      return (peft::taps_attention<typename P::Plain::template type<i>>() || ... || false);
    }(std::make_index_sequence<P::Plain::size>{});
  }();

  P& p;
  Stack<P>& stack;  // whose layers may attend to an encoder
  V scores{};       // (layers of it, entries): room for what attention_mean gives

  /// f(net, values, kept) for each side net.
  template <class F>
  void each(F&& f) {
    p.template each<Site::side, Route::side>([&](auto i, int m) {
      p.template here<i>(m);
      f(p.attached.template delta<i>(), P::template module<i>(p.values, m), std::get<i>(p.kept.all)[m]);
    });
  }
  void begin(int layers) {
    each([&](auto& net, auto& values, auto& kept) { net.begin(p, values, kept, layers); });
  }
  /// Room for scores, where they are shown: no more entries than a group of these sizes can have.
  void make_room(const Packed& encoder, const Packed& decoder) {
    if constexpr (P::spec.cross && shows_scores) {
      const nn::Shape& shape = p.backbone.shape();
      const Extent most = std::min(encoder.longest * decoder.tokens, decoder.longest * encoder.tokens);
      scores = p.w.template keep<T>(shape.layers - shape.encoder_layers, most, "scores");
    }
  }
  /// Shows each net what it wants to see of a layer's output: the rows that the task reads, or all. `gathered`: x holds
  /// the former only.
  void tap(int layer, V x, bool gathered = false) {
    each([&](auto& net, auto& values, auto& kept) {
      constexpr bool all = all_rows || taps_all_rows<std::remove_cvref_t<decltype(net)>>();
      const auto scope = p.w.scope();
      V seen = x;
      if (!all && !gathered) {
        seen = p.w.template temp<T>(p.batch->sequences, cols(x));
        ops::gather_rows(p.w, seen, C(x), p.batch->first);
      }
      rows_are(all);
      net.tap(p, values, kept, layer, C(seen));
    });
    rows_are(true);
  }
  /// While a layer's queries and keys are there: shows a net that asks for them the scores of a decoder layer's
  /// attention to the encoder, their mean over the heads.
  void inside(int layer) {
    if constexpr (P::spec.cross)
      each([&](auto& net, auto& values, auto& kept) { attention(net, values, kept, layer); });
  }
  /// x, the last layer's output of the rows that are read, becomes what the nets make of it.
  void correct(V x) {
    rows_are(all_rows);
    each([&](auto& net, auto& values, auto& kept) { net.correct(p, values, kept, x); });
  }
  /// The gradients of their tensors, from that of what `correct` left.
  void backward(C dlast) {
    rows_are(all_rows);
    p.template each<Site::side, Route::side>([&](auto i, int m) {
      p.template here<i>(m);
      p.attached.template delta<i>().backward(p, P::template module<i>(p.values, m), std::get<i>(p.kept.all)[m], dlast,
                                              P::template module<i>(*p.gradients, m));
    });
  }

 private:
  void rows_are(bool all) {
    const Packed& b = *p.batch;
    p.rows_are(all ? b.example : b.first_example, all ? b.positions : b.first_position);
  }
  void attention(auto& net, auto& values, auto& kept, int layer) {
    using Scores = ops::Ragged<V>;
    if constexpr (taps_attention<std::remove_cvref_t<decltype(net)>>()) {
      const nn::Shape& shape = p.backbone.shape();
      if (!shape.decodes(layer)) return;
      nn::CrossAttention<P>& cross = stack.block(layer).cross;
      const ops::Segments segments = cross.segments(p, shape);
      const V mean = slice(scores, layer - shape.encoder_layers, layer - shape.encoder_layers + 1);
      ops::attention_mean(p.w, segments, C(cross.q), C(cross.k), mean);
      net.tap_attention(p, values, kept, layer, Scores{segments, mean});
    }
  }
};

}  // namespace peft
