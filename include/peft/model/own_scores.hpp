// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <tuple>
#include <utility>

#include <peft/nn/self_attention.hpp>
#include <peft/ops/ragged.hpp>
#include <peft/pass.hpp>

namespace peft {

/// Shows those side nets that ask for them how the rows of a sequence attend to each other in a layer, their mean over
/// the heads. P: the Pass of one worker; a pass over a row at a time has no such nets. Nothing where a method has none.
template <class P>
struct OwnScores {
  using V = typename P::V;
  static constexpr bool wanted = [] {
    return []<std::size_t... i>(std::index_sequence<i...>) {
      return (taps_own_attention<typename P::Plain::template type<i>>() || ... || false);
    }(std::make_index_sequence<P::Plain::size>{});
  }();

  V room;  // (layers, entries)

  /// Before the layers [begin, end) of a group: no more entries than its sequences can have.
  void start(P& p, int begin, int end) {
    if constexpr (wanted)
      if (!P::spec.cross || begin == 0) room = p.keep(end - begin, p.batch->longest * p.batch->tokens, "scores");
  }
  /// While the layer's queries and keys are there; `index` counts the layers of the stack.
  void show(P& p, const nn::Shape& shape, const nn::SelfAttention<P>& attention, int layer, int index) {
    if constexpr (wanted) {
      if (shape.decodes(layer)) return;
      const V mean = slice(room, index, index + 1);
      attention.scores(p, shape, mean);
      const ops::Ragged<V> scores{attention.segments(p, shape), mean};
      p.template each<Site::side, Route::side>([&](auto i, int m) {
        using D = typename P::Plain::template type<i>;
        if constexpr (taps_own_attention<D>())
          p.attached.template delta<i>().tap_own_attention(p.template here<i>(m), P::template module<i>(p.values, m),
                                                           std::get<i>(p.kept.all)[m], layer, scores);
      });
    }
  }
};

}  // namespace peft
