// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <tuple>
#include <type_traits>

#include <peft/model/stack.hpp>
#include <peft/ops/ragged.hpp>
#include <peft/pass.hpp>

namespace peft {

/// Does a side net mix the rows of a sequence, so that a row by itself does not say what becomes of it? Those that see all rows do,
/// unless they say `static constexpr bool mixes_tokens = false`.
template <class D>
constexpr bool mixes_tokens() {
  if constexpr (requires { D::mixes_tokens; })
    return D::mixes_tokens;
  else
    return D::route == Route::side && taps_all_rows<D>();
}
/// Can a row be decoded with nothing of the earlier ones but their keys and values?
template <class M>
constexpr bool decodes_by_row() {
  return []<std::size_t... i>(std::index_sequence<i...>) {
    return !(mixes_tokens<typename M::template type<i>>() || ... || false);
  }(std::make_index_sequence<M::size>{});
}

/// The side nets of a pass without a backward, shown every row. P: the Pass of one worker.
template <class P>
struct SideTaps {
  using V = typename P::V;
  using C = typename P::C;

  P& p;
  Stack<P>& stack;  // whose layers may attend to an encoder
  V scores;         // (layers of it, entries): room for what attention_mean gives

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
  void tap(int layer, V x) {
    each([&](auto& net, auto& values, auto& kept) {
      const auto scope = p.w.scope();
      p.rows_are(p.batch->example, p.batch->positions);
      net.tap(p, values, kept, layer, C(x));
    });
  }
  /// While the layer's queries and keys are there.
  void inside(int layer) {
    if constexpr (P::spec.cross) each([&](auto& net, auto& values, auto& kept) { attention(net, values, kept, layer); });
  }
  void correct(V x) {
    p.rows_are(p.batch->example, p.batch->positions);
    each([&](auto& net, auto& values, auto& kept) { net.correct(p, values, kept, x); });
  }

  static constexpr bool shows_scores = [] {
    return []<std::size_t... i>(std::index_sequence<i...>) {
      return (peft::taps_attention<typename P::Plain::template type<i>>() || ... || false);
    }(std::make_index_sequence<P::Plain::size>{});
  }();

 private:
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
