// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <vector>

#include <peft/model/distances.hpp>
#include <peft/model/embedding.hpp>
#include <peft/model/side_taps.hpp>
#include <peft/model/stack.hpp>
#include <peft/model/states.hpp>
#include <peft/ops/select.hpp>
#include <peft/pass.hpp>

namespace peft {

/// What a pass through a body is for.
struct Purpose {
  bool backward = false;       // it will come, so what it reads is kept
  bool one_to_one = true;      // every sequence of a decoder has a source of its own, in the same order
  bool encoder_shown = false;  // of texts written over a cache: side nets have seen the encoder in an earlier pass
};

/// From packed tokens to the last hidden states and back: embeddings, the layers of one stack or of an encoder and a
/// decoder, the norm after the last, and what side nets see and correct. It serves training, prediction and decoding
/// alike. P: the Pass of one worker; `all_rows`: the task reads every row, and not the first of each sequence.
template <class P, bool all_rows>
class Body {
 public:
  using T = typename P::T;
  using E = typename P::E;
  using V = typename P::V;
  using C = typename P::C;
  using Call = typename P::Call;
  static constexpr nn::Spec spec = P::spec;
  /// Does the last layer compute every row? Otherwise the first of each sequence alone.
  static constexpr bool whole_last = all_rows || taps_all<typename P::Plain>();

  explicit Body(const nn::Shape& shape) : stack(shape.encoder_layers, shape.layers), encoder(0, shape.encoder_layers) {}

  Stack<P> stack, encoder;  // the layers whose output is read, and those of an encoder before them
  SideTaps<P, all_rows> side;
  const States<T>* replay = nullptr;  // shown to side nets in place of running the layers

  /// Rows of the table of distances that sequences of up to `longest` tokens meet; they are packed with the tokens.
  std::vector<int> distances_met(P& p, Extent longest) { return distances_.met(p, longest); }

  /// The encoder's output for `source`, into p.seen.
  void encode(P& p, const Packed& source, const Purpose& purpose) {
    p.seen.source = &source;
    const bool into = purpose.backward && p.into_encoder();
    V x = encoder.start(p, source, p.below ? 0 : p.encoder_first, purpose.backward && P::crosses);
    side.start(p, source, encoder.begin(), encoder.end());
    if (replay != nullptr) {
      x = side.replay(p, source, *replay, -1, encoder, x);
    } else {
      embed(p, source, x, -1, purpose);
      x = run(p, source, encoder, x, false);
    }
    p.seen.source_rows = norm(p, source, x, encoder.end() - 1, encoder_norm_, "encoder output", into);
  }

  /// The last layer's output as side nets leave it, of all rows or (`all_rows` false) the first of each sequence.
  V forward(P& p, const Packed& batch, const Purpose& purpose) {
    const bool wanted = purpose.backward && P::crosses;
    if constexpr (spec.position == nn::Position::disentangled) distances_.start(p, batch, wanted && p.below);
    V x = stack.start(p, batch, p.below || p.into_encoder() ? stack.begin() : p.first, wanted);
    if constexpr (!spec.cross) side.start(p, batch, stack.begin(), stack.end());
    if (spec.cross && purpose.encoder_shown) side.restart(p, batch);
    if constexpr (spec.cross)
      side.start_decoder(p, stack.begin(), stack.end(), cross_entries(*p.seen.source, batch, purpose));
    if (replay != nullptr) {
      x = side.replay(p, batch, *replay, spec.cross ? -2 : -1, stack, x);
    } else {
      embed(p, batch, x, spec.cross ? -2 : -1, purpose);
      x = run(p, batch, stack, x, !whole_last);
    }
    if constexpr (whole_last && !all_rows) {
      V read = p.w.template keep<T>(batch.sequences, cols(x), "head");
      ops::gather_rows(p.w, read, C(x), batch.first);
      x = read;
    }
    side.correct(p.at(-1, batch), x);
    return x;
  }
  /// The norm after the last layer, where the backbone has one, of rows that `forward` gave.
  V finish(P& p, const Packed& batch, V x, const Purpose& purpose) {
    if constexpr (spec.pre_norm) return norm(p, batch, x, stack.end() - 1, norm_, "final", purpose.backward);
    return x;
  }

  /// Where the gradient of what `finish` gave goes.
  V start_backward(P& p, const Packed& batch) {
    stack.start_backward(p, batch);
    return stack.last_gradient(all_rows ? batch.tokens : batch.sequences);
  }
  /// Adds the gradients of everything below, but for those of embedding tables, which `add_tables` adds.
  void backward(P& p, const Packed& batch, V dlast) {
    if constexpr (spec.pre_norm) norm_backward(p, batch, dlast, stack.end() - 1, norm_);
    side.backward(p.at(-1, batch), C(dlast));
    if constexpr (P::crosses)
      if (p.into_layers()) layers_backward(p, batch);
  }
  /// Embedding tables are as large as the model: their gradients go straight to the step's buffer, to the rows in use.
  void add_tables(P& p, const Packed& batch, typename P::Tensors& tables) {
    if constexpr (P::crosses) {
      if (!p.below) return;
      embedding_.add_tables(p.at(-1, batch), tables, drows_);
      if constexpr (spec.cross) embedding_.add_tables(p.at(-1, *p.seen.source), tables, encoder_drows_);
      if constexpr (spec.position == nn::Position::disentangled) distances_.add_table(p, tables, batch);
    }
  }

 private:
  /// Scores of a decoder's attention to its encoder: no more than a group of these sizes can have.
  static Extent cross_entries(const Packed& source, const Packed& batch, const Purpose& purpose) {
    const Extent most = source.longest * batch.tokens;
    return purpose.one_to_one ? std::min(most, batch.longest * source.tokens) : most;
  }

  void embed(P& p, const Packed& batch, V x, int layer, const Purpose& purpose) {
    const Call call = p.at(-1, batch);
    embedding_.forward(call, x, purpose.backward && P::crosses && p.below);
    side.tap(call, layer, x);
  }
  V run(P& p, const Packed& batch, Stack<P>& layers, V x, bool first_rows) {
    return layers.forward(
        p, batch, x, first_rows, [&](const Call& call, auto& block) { side.scores(call, block); },
        [&](const Call& call, V y, bool gathered) { side.tap(call, call.layer, y, gathered); });
  }

  V norm(P& p, const Packed& batch, V x, int layer, nn::NormKept<V>& kept, const char* name, bool crossing) {
    const Call call = p.at(layer, batch);
    V y = call.keep(rows(x), cols(x), name);
    kept = nn::norm<Site::final_norm>(call, x, C(), {}, call.shape().epsilon, y, crossing);
    if constexpr (spec.cross) nn::dropped(call, nn::DropoutAt::final, call.shape().hidden_dropout, y, y);
    return y;
  }
  void norm_backward(P& p, const Packed& batch, V dy, int layer, const nn::NormKept<V>& kept) {
    const Call call = p.at(layer, batch);
    if constexpr (spec.cross) nn::dropped(call, nn::DropoutAt::final, call.shape().hidden_dropout, dy, dy);
    nn::norm_backward<Site::final_norm>(call, kept, dy);
  }

  void layers_backward(P& p, const Packed& batch) {
    if constexpr (spec.cross) {
      const Extent n = p.into_encoder() ? p.seen.source->tokens : 0;
      p.seen.source_gradient = p.into_encoder() ? p.w.template keep<T>(n, p.backbone.width(), "encoder gradient") : V();
      if (p.into_encoder()) ops::fill(p.w, p.seen.source_gradient, T(0));
    }
    const V dx = stack.backward(p, batch, stack.last_gradient(whole_last ? batch.tokens : batch.sequences),
                                p.below || p.into_encoder());
    if (p.below) drows_ = embedding_.backward(p.at(-1, batch), dx);
    if constexpr (spec.cross)
      if (p.into_encoder()) encoder_backward(p, *p.seen.source);
    if constexpr (spec.position == nn::Position::disentangled)
      if (p.below) distances_.backward(p, batch);
  }
  void encoder_backward(P& p, const Packed& source) {
    norm_backward(p, source, p.seen.source_gradient, encoder.end() - 1, encoder_norm_);
    encoder.start_backward(p, source);
    V dy = encoder.last_gradient(source.tokens);
    ops::copy(p.w, dy, C(p.seen.source_gradient));
    const V dx = encoder.backward(p, source, dy, p.below);
    if (p.below) encoder_drows_ = embedding_.backward(p.at(-1, source), dx);
  }

  Embedding<Call> embedding_;
  DistanceTable<P> distances_;
  nn::NormKept<V> norm_, encoder_norm_;
  V drows_, encoder_drows_;  // gradients of the sums of embeddings
};

}  // namespace peft
