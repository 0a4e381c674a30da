// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <vector>

#include <peft/model/own_scores.hpp>
#include <peft/nn/block.hpp>

namespace peft {

/// The layers [begin, end) of a backbone, one after another on packed rows: all of an encoder, or an encoder's or a
/// decoder's of both. P: the Pass of one worker.
template <class P>
class Stack {
 public:
  using T = typename P::T;
  using V = typename P::V;
  using C = typename P::C;

  Stack(int begin, int end) : begin_(begin), end_(end), blocks_(static_cast<std::size_t>(end - begin)) {}

  int begin() const { return begin_; }
  int end() const { return end_; }
  bool empty() const { return begin_ == end_; }
  /// While decoding: one entry per layer, of a decoder with an encoder twice. nullptr: no cache.
  LayerCache<V>*caches = nullptr, *cross_caches = nullptr;

  nn::Block<P>& block(int layer) { return blocks_[static_cast<std::size_t>(layer - begin_)]; }

  /// Before a forward pass: backward will come to the layers from `first` on, if it comes at all.
  void start(P& p, int first, bool training) {
    first_ = first;
    training_ = training;
    // Two buffers take turns where a layer's input need not outlive the next layer.
    for (V& v : turn_) v = p.keep(p.batch->tokens, width(p), "hidden");
    scores_.start(p, begin_, end_);
  }

  /// Where layer l's input goes: kept when a delta in l reads it in backward.
  V input(P& p, int l, Extent n) {
    const int layer = p.layer;
    p.layer = l;
    // A norm before attention keeps what it makes of its input, so nobody reads that again.
    const bool keep = !P::spec.pre_norm && crosses(l) && l < end_ && nn::SelfAttention<P>::keeps_input(p);
    p.layer = layer;
    return keep ? p.keep(n, width(p), "layer input") : slice(turn_[l % 2], 0, n);
  }

  /// The last layer's output from the first one's input x, of all rows or of the first of each sequence. `seen(layer,
  /// y, gathered)` is called after every layer, `inside(layer)` while what it has kept is still there.
  template <class Seen>
  V forward(P& p, const nn::Shape& shape, V x, bool first_rows, Seen&& seen) {
    return forward(p, shape, x, first_rows, seen, [](int) {});
  }
  template <class Seen, class Inside>
  V forward(P& p, const nn::Shape& shape, V x, bool first_rows, Seen&& seen, Inside&& inside) {
    for (int l = begin_; l < end_; ++l) {
      p.layer = l;
      p.cache = caches == nullptr ? nullptr : caches + (l - begin_);
      p.cross_cache = cross_caches == nullptr ? nullptr : cross_caches + (l - begin_);
      const bool only_first = first_rows && l + 1 == end_;
      V y = input(p, l + 1, only_first ? p.batch->sequences : p.batch->tokens);
      const std::size_t mark = p.w.space.mark();
      block(l).forward(p, shape, x, y, only_first, crosses(l));
      scores_.show(p, shape, block(l).attention, l, l - begin_);
      inside(l);
      // What a side net keeps of this layer lies above what stays of it.
      if (!crosses(l)) p.w.space.release(mark);
      seen(l, y, only_first);
      x = y;
    }
    p.layer = -1;
    p.cache = p.cross_cache = nullptr;
    return x;
  }

  /// Two buffers for gradients of the layers' outputs; that of the last layer's, and then of the first one's input.
  void start_backward(P& p) {
    for (V& v : dturn_) v = p.keep(p.batch->tokens, width(p), "gradient");
  }
  V last_gradient(Extent n) const { return slice(dturn_[end_ % 2], 0, n); }

  /// Turns the gradient of the last layer's output into that of the first one's input, which is given back; empty when
  /// nobody wants it (`below`: what comes before the layers is trained).
  V backward(P& p, const nn::Shape& shape, V dy, bool below) {
    const int last = below ? begin_ : std::max(first_, begin_);
    for (int l = end_ - 1; l >= last; --l) {
      p.layer = l;
      V dx = l > last || below || p.template any<Site::layer, Route::pre>() ? slice(dturn_[l % 2], 0, p.batch->tokens)
                                                                            : V();
      block(l).backward(p, shape, dy, dx);
      dy = dx;
    }
    p.layer = -1;
    return below ? dy : V();
  }

 private:
  bool crosses(int l) const { return training_ && l >= first_; }
  static Extent width(const P& p) { return p.backbone.width(); }

  int begin_, end_, first_ = 0;
  bool training_ = false;
  std::vector<nn::Block<P>> blocks_;
  OwnScores<P> scores_;
  V turn_[2], dturn_[2];
};

}  // namespace peft
