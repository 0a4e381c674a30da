// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <tuple>
#include <type_traits>
#include <utility>

#include <peft/model/states.hpp>
#include <peft/nn/block.hpp>
#include <peft/ops/ragged.hpp>
#include <peft/ops/select.hpp>
#include <peft/pass.hpp>

namespace peft {

/// Can a row be decoded with nothing of the earlier ones but their keys and values?
template <class M>
constexpr bool decodes_by_row() {
  return !any_delta<M>([]<class D>() { return mixes_tokens<D>(); });
}

/// What the side nets of a pass are shown of a group on its way through the layers, and what they give back. P: the Pass
/// of one worker; `all_rows`: the task reads every row, and not the first of each sequence. What they are shown may be
/// recorded, and replayed to them without the layers.
template <class P, bool all_rows = true>
class SideTaps {
 public:
  using T = typename P::T;
  using E = typename P::E;
  using V = typename P::V;
  using C = typename P::C;
  using Call = typename P::Call;
  using Block = nn::Block<Call>;
  using Plain = typename P::Plain;
  static constexpr bool there = has_side_net<Plain>();
  static constexpr bool own = any_delta<Plain>([]<class D>() { return taps_own_attention<D>(); }),
                        cross = P::spec.cross && any_delta<Plain>([]<class D>() { return taps_attention<D>(); });

  States<T>* record = nullptr;  // what is shown is added to these

  /// Before the layers [begin, end) of an encoder, or of the only stack: room for their attention scores.
  void start(P& p, const Packed& batch, int begin, int end) {
    restart(p, batch);
    if constexpr (own) own_ = p.w.template keep<T>(end - begin, batch.longest * batch.tokens, "scores");
  }
  /// Before the next rows of texts that are written over a cache, whose encoder has been shown.
  void restart(P& p, const Packed& batch) {
    if constexpr (there)
      p.at(-1, batch).side_nets(
          [&](auto& c, auto& net, auto& values, auto& kept) { net.begin(c, values, kept, c.shape().layers); });
  }
  /// Before the layers [begin, end) of a decoder, whose attention to its encoder has `entries` scores at the most.
  void start_decoder(P& p, int begin, int end, Extent entries) {
    if constexpr (cross) cross_ = p.w.template keep<T>(end - begin, entries, "scores");
    begin_ = begin;
  }

  /// Shows each net what it wants to see of a layer's output (-1: the embeddings, -2: a decoder's): the rows that the task
  /// reads, or all. `gathered`: x holds the former only.
  void tap(const Call& call, int layer, V x, bool gathered = false) {
    if constexpr (there) {
      if (record != nullptr) record->add(call.w, layer, C(x), gathered);
      show(call, layer, x, gathered);
    }
  }
  /// Shows those nets that ask for them a layer's attention scores, averaged over the heads; while its queries and keys
  /// are there.
  void scores(const Call& call, Block& block) {
    const bool decodes = call.shape().decodes(call.layer);
    if constexpr (own)
      if (!decodes) {
        const V mean = slice(own_, call.layer, call.layer + 1);
        block.attention.scores(call, call.shape(), mean);
        if (record != nullptr) record->add_scores(call.w, false, call.layer, C(mean));
        show_own(call, block, mean);
      }
    if constexpr (cross)
      if (decodes) {
        const ops::Segments segments = block.cross.segments(call, call.shape());
        const V mean = slice(cross_, call.layer - begin_, call.layer - begin_ + 1);
        ops::attention_mean(call.w, segments, C(block.cross.q), C(block.cross.k), mean);
        if (record != nullptr) record->add_scores(call.w, true, call.layer, C(mean));
        show_cross(call, block, mean);
      }
  }

  /// The same from what was recorded: all that was shown of the layers [begin, end), begun by `layer` (-1 or -2). Gives
  /// back the last layer's rows, in one of the two buffers `turn`.
  V replay(P& p, const Packed& batch, const States<T>& states, int layer, auto& stack, V turn) {
    V x = turn;
    if constexpr (there) {
      x = states.get(p.w, layer, turn, batch.sequences);
      show(p.at(-1, batch), layer, x, false);
      for (int l = stack.begin(); l < stack.end(); ++l) {
        const Call call = p.at(l, batch);
        if (own && !call.shape().decodes(l)) {
          const V mean = slice(own_, l, l + 1);
          states.get_scores(p.w, false, l, mean);
          show_own(call, stack.block(l), mean);
        }
        if (cross && call.shape().decodes(l)) {
          const V mean = slice(cross_, l - begin_, l - begin_ + 1);
          states.get_scores(p.w, true, l, mean);
          show_cross(call, stack.block(l), mean);
        }
        x = states.get(p.w, l, turn, batch.sequences);
        show(call, l, x, states.gathered(l));
      }
    }
    return x;
  }

  /// x, the last layer's output of the rows that are read, becomes what the nets make of it.
  void correct(const Call& call, V x) {
    if constexpr (there)
      on_rows(call, all_rows).side_nets([&](auto& c, auto& net, auto& values, auto& kept) {
        net.correct(c, values, kept, x);
      });
  }
  /// The gradients of their tensors, from that of what `correct` left.
  void backward(const Call& call, C dlast) {
    if constexpr (there)
      on_rows(call, all_rows).side_gradients([&](auto& c, auto& net, auto& values, auto& kept, auto& gradients) {
        net.backward(c, values, kept, dlast, gradients);
      });
  }

 private:
  static Call on_rows(const Call& call, bool all) { return all ? call : call.on(call.batch->first_row_ids()); }

  void show(const Call& call, int layer, V x, bool gathered) {
    call.side_nets([&](auto& whole, auto& net, auto& values, auto& kept) {
      constexpr bool all = all_rows || taps_all_rows<std::remove_cvref_t<decltype(net)>>();
      const auto scope = call.w.scope();
      V seen = x;
      if (!all && !gathered) {
        seen = call.temp(call.batch->sequences, cols(x));
        ops::gather_rows(call.w, seen, C(x), call.batch->first);
      }
      Call c = on_rows(whole, all);
      net.tap(c, values, kept, layer, C(seen));
    });
  }
  void show_own(const Call& call, const Block& block, V mean) {
    const ops::Ragged<V> scores{block.attention.segments(call, call.shape()), mean};
    call.side_nets([&](auto& c, auto& net, auto& values, auto& kept) {
      if constexpr (taps_own_attention<std::remove_cvref_t<decltype(net)>>())
        net.tap_own_attention(c, values, kept, c.layer, scores);
    });
  }
  void show_cross(const Call& call, const Block& block, V mean) {
    const ops::Ragged<V> scores{block.cross.segments(call, call.shape()), mean};
    call.side_nets([&](auto& c, auto& net, auto& values, auto& kept) {
      if constexpr (taps_attention<std::remove_cvref_t<decltype(net)>>())
        net.tap_attention(c, values, kept, c.layer, scores);
    });
  }

  V own_, cross_;  // (layers, entries): room for what attention_mean gives
  int begin_ = 0;  // the first layer of a decoder
};

}  // namespace peft
