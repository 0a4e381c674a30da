// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <peft/nn/cross_attention.hpp>
#include <peft/nn/feed_forward.hpp>
#include <peft/nn/layer_pass.hpp>
#include <peft/nn/norm.hpp>
#include <peft/nn/self_attention.hpp>

namespace peft::nn {

/// A transformer layer (Vaswani et al., 2017). Norms after each part, as in BERT:
///   a = Norm(x + drop(attention(x))),  y = Norm(a + drop(ff(a)));
/// or before each part, as in T5, GPT-2 and Llama, a decoder's attention to its encoder in between:
///   a = x + drop(attention(Norm x)),  b = a + drop(cross(Norm a)),  y = b + drop(ff(Norm b)).
/// All parts work on packed rows. `first_rows`: nobody reads more than the first row of each sequence, so queries and
/// all that follows them run on those rows alone; exact.
template <class P>
struct Block {
  using T = typename P::T;
  using E = typename P::E;
  using V = typename P::V;
  using C = typename P::C;
  static constexpr Spec spec = P::spec;
  static_assert(LayerPass<P>);

  SelfAttention<P> attention;
  CrossAttention<P> cross;
  FeedForward<P> ff;
  // What backward reads again. n: rows of the layer, m: rows after attention (n, or one per sequence).
  C attention_x, cross_x, ff_x;  // (m, d) what branches beside the parts read
  NormKept<V> attn_norm, cross_norm, ff_norm;
  bool only_first = false;

  /// y (m, d) from x (n, d), which is changed in place by `pre` deltas on the layer. Takes temporaries and keeps its
  /// stash until the workspace is released; with `crossing` false nothing is kept for a backward.
  void forward(const P& p, const Shape& shape, V x, V y, bool first_rows, bool crossing) {
    only_first = first_rows;
    p.template before<Site::layer>(x);
    if constexpr (spec.pre_norm)
      forward_pre(p, asking(p), shape, x, y, crossing);
    else
      forward_post(p, asking(p), shape, x, y, crossing);
  }

  /// dx (n, d) from dy (m, d), which is overwritten. dx is empty when nothing below this layer is trained.
  void backward(const P& p, const Shape& shape, V dy, V dx) {
    const auto scope = p.w.scope();
    const P q = asking(p);
    q.template post_backward<Site::layer>(dy);
    if constexpr (spec.pre_norm)
      backward_pre(p, q, shape, dy, dx);
    else
      backward_post(p, q, shape, dy, dx);
  }

 private:
  static bool trains_attention(const P& p) {
    return SelfAttention<P>::trains(p) || p.template trains<Site::attn_norm>();
  }
  static double attention_out_dropout(const Shape& shape) {
    return spec.drops_attention_out ? shape.hidden_dropout : 0;
  }
  bool decodes(const P& p, const Shape& shape) const { return spec.cross && shape.decodes(p.layer); }

  /// The call on the rows that go on after attention: all, or the first of each sequence.
  P asking(const P& p) const { return only_first ? p.on(p.batch->first_row_ids()) : p; }
  /// These rows of x (n, d).
  C asking(const P& p, C x) {
    if (!only_first) return x;
    V gathered = p.keep(p.batch->sequences, cols(x), "first rows");
    ops::gather_rows(p.w, gathered, x, p.batch->first);
    return gathered;
  }
  Extent asking_rows(const P& p) const { return only_first ? p.batch->sequences : p.batch->tokens; }

  void forward_post(const P& p, const P& q, const Shape& shape, C x, V y, bool crossing) {
    const C residual = asking(p, x);
    const Extent m = rows(residual), d = shape.width;
    attention_x = residual;
    const auto scope = p.w.scope();
    V part = p.temp(m, d);
    attention.forward(p, q, shape, x, residual, part, only_first, crossing);
    q.template after<Site::attention>(residual, part);
    V a = kept_if(p, crossing && FeedForward<P>::keeps_input(p), m, d, "ff input");
    attn_norm = norm<Site::attn_norm>(
        q, part, residual, drop(q, DropoutAt::attention_out, attention_out_dropout(shape)), shape.epsilon, a, crossing);
    ff.forward(q, shape, a, part, crossing);
    q.template after<Site::ffn>(a, part);
    ff_x = a;
    ff_norm =
        norm<Site::ff_norm>(q, part, a, drop(q, DropoutAt::ffn_out, shape.hidden_dropout), shape.epsilon, y, crossing);
    q.template after<Site::layer>(residual, y);
  }

  void backward_post(const P& p, const P& q, const Shape& shape, V dy, V dx) {
    // After the norm's backward dy is the gradient of both summands.
    norm_backward<Site::ff_norm>(q, ff_norm, dy);
    V dpart = p.temp(rows(dy), shape.width);
    dropped(q, DropoutAt::ffn_out, shape.hidden_dropout, dpart, dy);
    q.template post_backward<Site::ffn>(dpart);
    q.template branch_backward<Site::ffn>(ff_x, dpart, dy);
    ff.backward(q, shape, dpart, dy);
    if (empty(dx) && !trains_attention(p)) return;

    norm_backward<Site::attn_norm>(q, attn_norm, dy);
    dropped(q, DropoutAt::attention_out, attention_out_dropout(shape), dpart, dy);
    q.template post_backward<Site::attention>(dpart);
    q.template branch_backward<Site::attention>(attention_x, dpart, dy);
    // dx = the residual's gradient + what comes through q, k and v.
    V dasked = empty(dx) ? V() : dy;
    if (!empty(dx) && only_first) ops::fill(p.w, dx, T(0));
    if (!empty(dx) && !only_first) {
      ops::copy(p.w, dx, C(dy));
      dasked = dx;
    }
    attention.backward(p, q, shape, dpart, dasked, dx);
    if (empty(dx)) return;
    if (only_first) ops::add_to_rows(p.w, dx, C(dy), p.batch->first);
    p.template before_backward<Site::layer>(dx);
  }

  void forward_pre(const P& p, const P& q, const Shape& shape, C x, V y, bool crossing) {
    const Extent n = rows(x), m = asking_rows(p), d = shape.width;
    const auto scope = p.w.scope();
    V normed = kept_if(p, crossing && SelfAttention<P>::keeps_input(p), n, d, "attention input");
    attn_norm = norm<Site::attn_norm>(p, x, C(), {}, shape.epsilon, normed, crossing);
    V part = p.temp(m, d), sum = p.temp(m, d);
    attention_x = asking(p, normed);
    attention.forward(p, q, shape, normed, attention_x, part, only_first, crossing);
    q.template after<Site::attention>(attention_x, part);
    if (only_first)
      ops::gather_rows(p.w, sum, x, p.batch->first);
    else
      ops::copy(p.w, sum, x);
    add_dropped(q, DropoutAt::attention_out, attention_out_dropout(shape), sum, part);
    if constexpr (spec.cross)
      if (decodes(p, shape)) {
        V asked = kept_if(p, crossing && CrossAttention<P>::keeps_input(p), m, d, "cross input");
        cross_norm = norm<Site::cross_norm>(q, sum, C(), {}, shape.epsilon, asked, crossing);
        cross.forward(q, shape, asked, part, crossing);
        q.template after<Site::cross_attention>(asked, part);
        cross_x = asked;
        add_dropped(q, DropoutAt::cross_out, shape.hidden_dropout, sum, part);
      }
    V a = kept_if(p, crossing && FeedForward<P>::keeps_input(p), m, d, "ff input");
    ff_norm = norm<Site::ff_norm>(q, sum, C(), {}, shape.epsilon, a, crossing);
    ff.forward(q, shape, a, part, crossing);
    q.template after<Site::ffn>(a, part);
    ff_x = a;
    add_dropped(q, DropoutAt::ffn_out, shape.hidden_dropout, sum, part);
    ops::copy(p.w, y, C(sum));
    q.template after<Site::layer>(attention_x, y);
  }

  void backward_pre(const P& p, const P& q, const Shape& shape, V dy, V dx) {
    const Extent m = rows(dy), d = shape.width;
    const bool below = !empty(dx);
    V dpart = p.temp(m, d), dnormed = p.temp(m, d);
    dropped(q, DropoutAt::ffn_out, shape.hidden_dropout, dpart, dy);
    q.template post_backward<Site::ffn>(dpart);
    ops::fill(p.w, dnormed, T(0));
    q.template branch_backward<Site::ffn>(ff_x, dpart, dnormed);
    ff.backward(q, shape, dpart, dnormed);
    norm_backward<Site::ff_norm>(q, ff_norm, dnormed);
    ops::add(p.w, dy, C(dnormed));

    if constexpr (spec.cross)
      if (decodes(p, shape)) {
        const bool on = below || trains_attention(p);
        if (!on && empty(p.seen().source_gradient) && !CrossAttention<P>::trains(p)) return;
        dropped(q, DropoutAt::cross_out, shape.hidden_dropout, dpart, dy);
        q.template post_backward<Site::cross_attention>(dpart);
        ops::fill(p.w, dnormed, T(0));
        q.template branch_backward<Site::cross_attention>(cross_x, dpart, dnormed);
        cross.backward(q, shape, dpart, dnormed);
        norm_backward<Site::cross_norm>(q, cross_norm, dnormed);
        ops::add(p.w, dy, C(dnormed));
      }

    if (!below && !trains_attention(p)) return;
    dropped(q, DropoutAt::attention_out, attention_out_dropout(shape), dpart, dy);
    q.template post_backward<Site::attention>(dpart);
    // The gradient of the normalised rows, of which the first may have been asked for alone.
    V dall = only_first ? p.temp(p.batch->tokens, d) : dnormed;
    ops::fill(p.w, dnormed, T(0));
    if (only_first) ops::fill(p.w, dall, T(0));
    q.template branch_backward<Site::attention>(attention_x, dpart, dnormed);
    attention.backward(p, q, shape, dpart, dnormed, dall);
    if (only_first) ops::add_to_rows(p.w, dall, C(dnormed), p.batch->first);
    norm_backward<Site::attn_norm>(p, attn_norm, dall);
    if (!below) return;
    ops::copy(p.w, dx, C(dall));
    if (only_first)
      ops::add_to_rows(p.w, dx, C(dy), p.batch->first);
    else
      ops::add(p.w, dx, C(dy));
    p.template before_backward<Site::layer>(dx);
  }

  /// sum += dropout(part), which is overwritten.
  static void add_dropped(const P& p, DropoutAt at, double probability, V sum, V part) {
    dropped(p, at, probability, part, part);
    ops::add(p.w, sum, C(part));
  }
};

}  // namespace peft::nn
