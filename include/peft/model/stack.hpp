// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <vector>

#include <peft/nn/block.hpp>
#include <peft/pass.hpp>

namespace peft {

/// The layers [begin, end) of a backbone, one after another on packed rows: all of an encoder, or an encoder's or a
/// decoder's of both. P: the Pass of one worker.
template <class P>
class Stack {
 public:
  using T = typename P::T;
  using V = typename P::V;
  using Call = typename P::Call;

  Stack(int begin, int end) : begin_(begin), end_(end), blocks_(static_cast<std::size_t>(end - begin)) {}

  int begin() const { return begin_; }
  int end() const { return end_; }
  /// While decoding: one entry per layer, of a decoder with an encoder twice. nullptr: no cache.
  nn::LayerCache<V>*caches = nullptr, *cross_caches = nullptr;

  nn::Block<Call>& block(int layer) { return blocks_[static_cast<std::size_t>(layer - begin_)]; }

  /// Before a forward pass over `batch`: backward will come to the layers from `first` on, if it comes at all. Where the
  /// first layer's input goes.
  V start(P& p, const Packed& batch, int first, bool training) {
    first_ = first;
    training_ = training;
    // Two buffers take turns where a layer's input need not outlive the next layer.
    for (V& v : turn_) v = p.w.template keep<T>(batch.tokens, p.backbone.width(), "hidden");
    return input(p.at(begin_, batch), batch.tokens);
  }

  /// The last layer's output from the first one's input x, of all rows or of the first of each sequence.
  /// `inside(call, block)` is called after every layer while what it has kept is still there, `seen(call, y, gathered)`
  /// after that.
  template <class Inside, class See>
  V forward(P& p, const Packed& batch, V x, bool first_rows, Inside&& inside, See&& seen) {
    for (int l = begin_; l < end_; ++l) {
      const Call call = at(p, l, batch);
      const bool only_first = first_rows && l + 1 == end_;
      V y = input(call.in(l + 1), only_first ? batch.sequences : batch.tokens);
      const std::size_t mark = p.w.space.mark();
      block(l).forward(call, call.shape(), x, y, only_first, crosses(l));
      inside(call, block(l));
      // What a side net keeps of this layer lies above what stays of it.
      if (!crosses(l)) p.w.space.release(mark);
      seen(call, y, only_first);
      x = y;
    }
    return x;
  }

  /// Two buffers for gradients of the layers' outputs; that of the last layer's, and then of the first one's input.
  void start_backward(P& p, const Packed& batch) {
    for (V& v : dturn_) v = p.w.template keep<T>(batch.tokens, p.backbone.width(), "gradient");
  }
  V last_gradient(Extent n) const { return slice(dturn_[end_ % 2], 0, n); }

  /// Turns the gradient of the last layer's output into that of the first one's input, which is given back; empty when
  /// nobody wants it (`below`: what comes before the layers is trained).
  V backward(P& p, const Packed& batch, V dy, bool below) {
    const int last = below ? begin_ : std::max(first_, begin_);
    for (int l = end_ - 1; l >= last; --l) {
      const Call call = p.at(l, batch);
      const bool wanted = l > last || below || call.template any<Site::layer, Route::pre>();
      V dx = wanted ? slice(dturn_[l % 2], 0, batch.tokens) : V();
      block(l).backward(call, call.shape(), dy, dx);
      dy = dx;
    }
    return below ? dy : V();
  }

 private:
  bool crosses(int l) const { return training_ && l >= first_; }

  Call at(P& p, int l, const Packed& batch) const {
    Call call = p.at(l, batch);
    call.cache = caches == nullptr ? nullptr : caches + (l - begin_);
    call.cross_cache = cross_caches == nullptr ? nullptr : cross_caches + (l - begin_);
    return call;
  }
  /// Where n rows of the input of a call's layer go: kept when a delta there reads them in backward.
  V input(const Call& call, Extent n) {
    const int l = call.layer;
    // A norm before attention keeps what it makes of its input, so nobody reads that again.
    const bool keep = !P::spec.pre_norm && crosses(l) && l < end_ && nn::SelfAttention<Call>::keeps_input(call);
    return keep ? call.keep(n, call.shape().width, "layer input") : slice(turn_[l % 2], 0, n);
  }

  int begin_, end_, first_ = 0;
  bool training_ = false;
  std::vector<nn::Block<Call>> blocks_;
  V turn_[2], dturn_[2];
};

}  // namespace peft
