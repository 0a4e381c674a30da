// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <peft/nn/drop.hpp>
#include <peft/nn/linear.hpp>
#include <peft/nn/packed.hpp>
#include <peft/nn/shape.hpp>
#include <peft/ops/attention.hpp>

namespace peft::nn {

/// Attention of a decoder's rows to what the encoder gave for the same sequence:  W_o softmax(s Q K') V.
template <class P>
struct CrossAttention {
  using T = typename P::T;
  using E = typename P::E;
  using V = typename P::V;
  using C = typename P::C;

  C query_x, key_x, value_x;  // (m, d), (source rows, d) twice
  C context;                  // (m, q)
  V q, k, v, lse;             // (m, q), (source rows, kv) twice, (m, heads)

  static bool keeps_input(const P& p) {
    return p.template keeps_input<Site::cross_query>() || p.template keeps_input<Site::cross_attention>();
  }
  static bool trains(const P& p) {
    return p.template trains<Site::cross_query>() || p.template trains<Site::cross_key>() ||
           p.template trains<Site::cross_value>() || p.template trains<Site::cross_out>() ||
           p.template trains<Site::cross_attention>() || p.template trains<Site::cross_norm>();
  }

  /// out (m, d) from x (m, d) and p.seen().source_rows (source rows, d).
  void forward(const P& p, const Shape& shape, C x, V out, bool crossing) {
    const Packed& source = *p.seen().source;
    const Extent m = rows(x);
    if (p.cross_cache != nullptr && p.cross_cache->filled) {
      k = p.cross_cache->k;
      v = p.cross_cache->v;
    } else {
      const bool caching = p.cross_cache != nullptr;
      k = caching ? p.cross_cache->k : p.keep(source.tokens, shape.key_width(), "cross keys");
      v = caching ? p.cross_cache->v : p.keep(source.tokens, shape.key_width(), "cross values");
      const P of_source = p.on(source.row_ids());
      linear<Site::cross_key>(of_source, p.seen().source_rows, k, key_x);
      linear<Site::cross_value>(of_source, p.seen().source_rows, v, value_x);
    }
    q = p.keep(m, shape.query_width(), "cross queries");
    linear<Site::cross_query>(p, x, q, query_x);
    const auto scope = p.w.scope();
    V attended = kept_if(p, p.template keeps_input<Site::cross_out>() && crossing, m, shape.query_width(), "context");
    lse = crossing ? p.keep(m, shape.heads, "lse") : V();
    ops::attention<E, T>(p.w, segments(p, shape), q, C(k), C(v), attended, lse,
                         drop(p, DropoutAt::cross_attention, shape.attention_dropout));
    linear<Site::cross_out>(p, attended, out, context);
  }

  /// Adds to dx (m, d) and to p.seen().source_gradient; either may be empty. dout is overwritten.
  void backward(const P& p, const Shape& shape, V dout, V dx) {
    const auto scope = p.w.scope();
    V dcontext = p.temp(rows(dout), shape.query_width());
    linear_backward<Site::cross_out>(p, context, dout, dcontext, false);
    const V dsource = p.seen().source_gradient;
    const bool into_source = !empty(dsource);
    const bool want_q = !empty(dx) || p.template trains<Site::cross_query>();
    const bool want_k = into_source || p.template trains<Site::cross_key>();
    ops::attention_backward<E, T>(p.w, segments(p, shape), q, k, v, lse, dcontext, want_q ? q : V(), want_k ? k : V(),
                                  v, drop(p, DropoutAt::cross_attention, shape.attention_dropout));
    if (want_q) linear_backward<Site::cross_query>(p, query_x, q, dx, true);
    const P of_source = p.on(p.seen().source->row_ids());
    if (want_k) linear_backward<Site::cross_key>(of_source, key_x, k, dsource, true);
    if (into_source || p.template trains<Site::cross_value>())
      linear_backward<Site::cross_value>(of_source, value_x, v, dsource, true);
  }

  ops::Segments segments(const P& p, const Shape& shape) const {
    ops::Segments s;
    s.sequences = p.batch->sequences;
    s.heads = shape.heads;
    s.key_heads = shape.key_heads;
    s.scale = shape.scale();
    s.q_offsets = p.batch->offsets;
    s.q_segment = p.batch->segment;
    s.k_offsets = p.batch->source_offsets != nullptr ? p.batch->source_offsets : p.seen().source->offsets;
    s.k_ends = p.batch->source_ends;
    s.k_segment = p.seen().source->segment;
    s.longest_keys = p.seen().source->longest;
    return s;
  }
};

}  // namespace peft::nn
