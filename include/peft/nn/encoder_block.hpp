// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <peft/nn/layernorm.hpp>
#include <peft/nn/linear.hpp>
#include <peft/nn/packed.hpp>
#include <peft/nn/shape.hpp>
#include <peft/ops/activation.hpp>
#include <peft/ops/attention.hpp>
#include <peft/ops/prefix.hpp>
#include <peft/ops/select.hpp>
#include <peft/site.hpp>

namespace peft::nn {

/// A post-norm encoder layer (Vaswani et al., 2017, as in BERT):
///   a = LayerNorm(x + drop(W_o attention(x))),  y = LayerNorm(a + drop(W_down act(W_up a))).
/// Both halves work on packed rows. `only_first`: nobody reads more than the first row of each sequence, so queries and all
/// that follows them run on those rows alone; exact.
template <class P>
struct EncoderBlock {
  using T = typename P::T;
  using E = typename P::E;
  using V = typename P::V;
  using C = typename P::C;

  /// What backward reads again. n: rows of the layer, m: rows after attention (n, or one per sequence).
  C x, query_x, key_x, value_x;  // (n, d) inputs of the projections (query_x: (m, d))
  C residual, ffn_x;             // (m, d) inputs of the two halves
  V q, k, v, lse;                // (m, d), (key rows, d) twice, (m, heads)
  C context, up_x, down_x;       // (m, d), (m, d), (m, inner) inputs of the three that follow
  V slope;                       // (m, inner) derivative of the activation
  NormKept<V> attn_norm, ff_norm;
  bool only_first = false;
  Extent prefix = 0;  // keys and values before each sequence's, in this layer

  /// y (m, d) from x (n, d), which is changed in place by `pre` deltas on the layer. Takes temporaries and keeps its stash
  /// until the workspace is released; with `crossing` false nothing is kept for a backward.
  void forward(P& p, const EncoderShape& shape, V input, V y, bool first_rows, bool crossing) {
    const Packed& b = *p.batch;
    const Extent n = rows(input), d = shape.width;
    only_first = first_rows;
    const Extent m = only_first ? b.sequences : n;
    p.rows_are(b.example, b.positions);
    p.template before<Site::layer>(input);
    x = input;

    prefix = p.template any<Site::self_attention, Route::prefix>() ? b.prefix : 0;
    k = p.keep(n + b.sequences * prefix, d, "keys");
    v = p.keep(n + b.sequences * prefix, d, "values");
    project<Site::key>(p, k, key_x);
    project<Site::value>(p, v, value_x);
    if (prefix > 0) put_prefix(p);

    residual = x;
    if (only_first) {
      V gathered = p.keep(m, d, "first rows");
      ops::gather_rows(p.w, gathered, x, b.first);
      residual = gathered;
      p.rows_are(b.first_example, b.first_position);
    }
    q = p.keep(m, d, "queries");
    linear<Site::query>(p, residual, q, query_x);

    const auto scope = p.w.scope();
    V attended = kept_if(p, p.template keeps_input<Site::attn_out>() && crossing, m, d, "context");
    lse = crossing ? p.keep(m, shape.heads, "lse") : V();
    ops::attention<E, T>(p.w, segments(p, shape), q, k, v, attended, lse, drop(p, DropoutAt::attention, shape.attention_dropout));
    V projected = p.temp(m, d);
    linear<Site::attn_out>(p, attended, projected, context);
    p.template after<Site::attention>(residual, projected);

    V a = kept_if(p, crossing && (p.template keeps_input<Site::ff_up>() || p.template keeps_input<Site::ffn>()), m, d, "ff input");
    attn_norm = layernorm<Site::attn_norm>(p, projected, residual, drop(p, DropoutAt::attention_out, shape.hidden_dropout),
                                           shape.epsilon, a, crossing);
    V inner = kept_if(p, p.template keeps_input<Site::ff_down>() && crossing, m, shape.inner, "ff inner");
    slope = crossing ? p.keep(m, shape.inner, "slope") : V();
    linear<Site::ff_up>(p, a, inner, up_x);
    activate(p, shape.activation, inner);
    linear<Site::ff_down>(p, inner, projected, down_x);
    p.template after<Site::ffn>(a, projected);
    ffn_x = a;
    ff_norm = layernorm<Site::ff_norm>(p, projected, a, drop(p, DropoutAt::ffn_out, shape.hidden_dropout), shape.epsilon, y,
                                       crossing);
    p.template after<Site::layer>(residual, y);
  }

  /// dx (n, d) from dy (m, d), which is overwritten. dx is empty when nothing below this layer is trained.
  void backward(P& p, const EncoderShape& shape, V dy, V dx) {
    const Packed& b = *p.batch;
    const Extent m = rows(dy), d = shape.width;
    const auto scope = p.w.scope();
    if (only_first)
      p.rows_are(b.first_example, b.first_position);
    else
      p.rows_are(b.example, b.positions);

    // The feed-forward half. After the norm's backward dy is the gradient of both summands.
    p.template post_backward<Site::layer>(dy);
    layernorm_backward<Site::ff_norm>(p, ff_norm, dy);
    V dout = p.temp(m, d);
    dropped(p, DropoutAt::ffn_out, shape.hidden_dropout, dout, dy);
    {
      const auto inner_scope = p.w.scope();
      p.template post_backward<Site::ffn>(dout);
      p.template branch_backward<Site::ffn>(ffn_x, dout, dy);
      V dinner = p.temp(m, shape.inner);
      linear_backward<Site::ff_down>(p, down_x, dout, dinner, false);
      ops::multiply(p.w, dinner, C(dinner), C(slope));
      linear_backward<Site::ff_up>(p, up_x, dinner, dy, true);
    }

    if (empty(dx) && !trains_attention(p)) return;

    // The attention half.
    layernorm_backward<Site::attn_norm>(p, attn_norm, dy);
    dropped(p, DropoutAt::attention_out, shape.hidden_dropout, dout, dy);
    p.template post_backward<Site::attention>(dout);
    V dcontext = p.temp(m, d);
    p.template branch_backward<Site::attention>(residual, dout, dy);
    linear_backward<Site::attn_out>(p, context, dout, dcontext, false);

    const bool below = !empty(dx);
    const bool want_q = below || p.template trains<Site::query>();
    const bool want_k = below || p.template trains<Site::key>() || prefix > 0;
    // Queries, keys and values are read for the last time: their gradients take their place.
    ops::attention_backward<E, T>(p.w, segments(p, shape), q, k, v, lse, dcontext, want_q ? q : V(), want_k ? k : V(), v,
                                  drop(p, DropoutAt::attention, shape.attention_dropout));
    if (prefix > 0) take_prefix(p);

    // dx = the residual's gradient + what comes through q, k and v.
    V dq_x = below ? dy : V();
    if (want_q) linear_backward<Site::query>(p, query_x, q, dq_x, true);
    p.rows_are(b.example, b.positions);
    if (below && !only_first) ops::copy(p.w, dx, C(dy));
    if (below && only_first) {
      ops::fill(p.w, dx, T(0));
      ops::add_to_rows(p.w, dx, C(dy), b.first);
    }
    if (want_k) unproject<Site::key>(p, key_x, k, dx);
    unproject<Site::value>(p, value_x, v, dx);
    if (below) p.template before_backward<Site::layer>(dx);
  }

 private:
  using Segments = ops::Segments;

  static bool trains_attention(const P& p) {
    return p.template trains<Site::query>() || p.template trains<Site::key>() || p.template trains<Site::value>() ||
           p.template trains<Site::attn_out>() || p.template trains<Site::attention>() ||
           p.template trains<Site::attn_norm>() || p.template any<Site::self_attention, Route::prefix>();
  }

  static V kept_if(P& p, bool keep, Extent r, Extent c, const char* name) {
    return keep ? p.keep(r, c, name) : p.temp(r, c, name);
  }
  static Dropout drop(const P& p, DropoutAt at, double probability) {
    return p.dropout(probability, static_cast<std::uint64_t>(at));
  }
  static void dropped(P& p, DropoutAt at, double probability, V to, V from) {
    const Dropout mask = drop(p, at, probability);
    if (mask.active())
      ops::dropout(p.w, to, C(from), mask);
    else
      ops::copy(p.w, to, C(from));
  }
  Segments segments(const P& p, const EncoderShape& shape) const {
    const Packed& b = *p.batch;
    Segments s{b.sequences, shape.heads, 1 / std::sqrt(static_cast<double>(shape.width / shape.heads)), false};
    s.q_offsets = only_first ? b.first_offsets : b.offsets;
    s.q_segment = only_first ? b.first_offsets : b.segment;
    s.k_offsets = prefix > 0 ? b.key_offsets : b.offsets;
    s.k_segment = prefix > 0 ? b.key_segment : b.segment;
    s.longest_keys = b.longest + prefix;
    return s;
  }
  void activate(P& p, Activation a, V inner) {
    if (a == Activation::gelu) ops::activate(p.w, inner, slope, ops::Gelu{});
    if (a == Activation::gelu_tanh) ops::activate(p.w, inner, slope, ops::GeluTanh{});
    if (a == Activation::relu) ops::activate(p.w, inner, slope, ops::Relu{});
  }

  /// Keys or values of the tokens, in the places that a prefix leaves them.
  template <Site S>
  void project(P& p, V y, C& own) {
    const Packed& b = *p.batch;
    if (prefix == 0) return linear<S>(p, x, y, own);
    const auto scope = p.w.scope();
    V plain = p.temp(b.tokens, cols(y));
    linear<S>(p, x, plain, own);
    ops::spread_after_prefix(p.w, y, C(plain), b.segment, prefix);
  }
  template <Site S>
  void unproject(P& p, C own, V dy, V dx) {
    const Packed& b = *p.batch;
    if (prefix == 0) return linear_backward<S>(p, own, dy, dx, true);
    const auto scope = p.w.scope();
    V plain = p.temp(b.tokens, cols(dy));
    ops::collect_after_prefix(p.w, plain, C(dy), b.segment, prefix);
    linear_backward<S>(p, own, plain, dx, true);
  }
  void put_prefix(P& p) {
    p.template each<Site::self_attention, Route::prefix>([&](auto i, int m) {
      auto values = P::template module<i>(p.values, m);
      const auto& delta = p.attached.template delta<i>();
      const auto kv = delta.keys_values(values);
      ops::put_prefix(p.w, k, C(kv.k), p.batch->key_offsets, p.batch->sequences, prefix_drop(p, delta, DropoutAt::prefix_keys));
      ops::put_prefix(p.w, v, C(kv.v), p.batch->key_offsets, p.batch->sequences, prefix_drop(p, delta, DropoutAt::prefix_values));
    });
  }
  void take_prefix(P& p) {
    p.template each<Site::self_attention, Route::prefix>([&](auto i, int m) {
      const auto& delta = p.attached.template delta<i>();
      const auto kv = delta.keys_values(P::template module<i>(*p.gradients, m));
      ops::take_prefix(p.w, kv.k, C(k), p.batch->key_offsets, p.batch->sequences, prefix_drop(p, delta, DropoutAt::prefix_keys));
      ops::take_prefix(p.w, kv.v, C(v), p.batch->key_offsets, p.batch->sequences, prefix_drop(p, delta, DropoutAt::prefix_values));
    });
  }
  /// Drawn anew for every sequence.
  template <class D>
  static Dropout prefix_drop(const P& p, const D& delta, DropoutAt at) {
    Dropout mask;
    if constexpr (requires { delta.dropout; }) mask = drop(p, at, delta.dropout);
    mask.example = p.batch->first_example;
    return mask;
  }
};

}  // namespace peft::nn
