// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <type_traits>

#include <peft/nn/distances.hpp>
#include <peft/nn/drop.hpp>
#include <peft/nn/linear.hpp>
#include <peft/nn/packed.hpp>
#include <peft/nn/shape.hpp>
#include <peft/ops/attention.hpp>
#include <peft/ops/bucket_bias.hpp>
#include <peft/ops/columns.hpp>
#include <peft/ops/disentangled_bias.hpp>
#include <peft/ops/prefix.hpp>
#include <peft/ops/ragged.hpp>
#include <peft/ops/rotary.hpp>
#include <peft/ops/select.hpp>

namespace peft::nn {

/// Attention of a sequence to itself:  W_o softmax(s Q K' + bias) V, with the deltas of its projections, a prefix of
/// trained keys and values, and positions as the backbone has them (Spec::position).
///
/// DeBERTa's queries and keys of distances go through the same projections as those of tokens: embedded distances
/// follow the tokens as further rows of these products, so that a projection is called once, and a delta on it acts on
/// both.
template <class P>
struct SelfAttention {
  using T = typename P::T;
  using E = typename P::E;
  using V = typename P::V;
  using C = typename P::C;
  static constexpr Spec spec = P::spec;
  static constexpr bool disentangled = spec.position == Position::disentangled;

  C query_x, key_x, value_x;  // inputs of the projections, (m, d) and (n, d) twice; of a fused one, query_x
  C position_query_x, position_key_x;
  C context;                  // (m, q) input of the output projection
  V q, k, v, lse;             // (m, q), (key rows, kv) twice, (m, heads)
  V position_q, position_k;   // (distances, q)
  bool only_first = false;
  Extent prefix = 0;  // keys and values before each sequence's, in this layer

  /// Whether backward reads x.
  static bool keeps_input(const P& p) {
    return p.template keeps_input<Site::query>() || p.template keeps_input<Site::key>() ||
           p.template keeps_input<Site::value>() || (spec.fused_qkv && p.template keeps_input<Site::qkv>()) ||
           p.template keeps_input<Site::attention>();
  }
  static bool trains(const P& p) {
    return p.template trains<Site::query>() || p.template trains<Site::key>() || p.template trains<Site::value>() ||
           p.template trains<Site::qkv>() || p.template trains<Site::attn_out>() ||
           p.template trains<Site::attention>() || p.template trains<Site::bucket_table>() ||
           p.template trains<Site::position_key>() || p.template trains<Site::position_query>() ||
           p.template any<Site::self_attention, Route::prefix>();
  }

  /// out (m, d) from x (n, d) and the rows that ask, `asked` (m, d): all of x, or the first of each sequence. `query`: the
  /// call on those.
  void forward(const P& p, const P& query, const Shape& shape, C x, C asked, V out, bool first_rows, bool crossing) {
    const Packed& b = *p.batch;
    const Extent n = rows(x), m = rows(asked);
    only_first = first_rows;
    prefix = has_prefix(p) && !caches(p, shape) ? b.prefix : 0;
    k = p.keep(n + b.sequences * prefix, shape.key_width(), "keys");
    v = p.keep(n + b.sequences * prefix, shape.key_width(), "values");
    if constexpr (spec.fused_qkv) {
      q = p.keep(m, shape.query_width(), "queries");
      project_fused(p, shape, x);
    } else {
      project_key(p, shape, x, crossing);
      project_value(p, x);
      q = p.keep(m, shape.query_width(), "queries");
      project_query(query, shape, asked, crossing);
    }
    if (prefix > 0) put_prefix(query);

    const auto scope = p.w.scope();
    V attended = kept_if(p, p.template keeps_input<Site::attn_out>() && crossing, m, shape.query_width(), "context");
    lse = crossing ? p.keep(m, shape.heads, "lse") : V();
    attend(query, shape, attended);
    linear<Site::attn_out>(query, attended, out, context);
  }

  /// Adds the gradients of the two inputs to dasked (m, d) and dx (n, d), which may be one and the same; they may be
  /// empty when nothing below is trained. dout is overwritten.
  void backward(const P& p, const P& query, const Shape& shape, V dout, V dasked, V dx) {
    const Extent m = rows(dout);
    const bool below = !empty(dx);
    const auto scope = p.w.scope();
    V dcontext = p.temp(m, shape.query_width());
    linear_backward<Site::attn_out>(query, context, dout, dcontext, false);
    const bool want_q = below || p.template trains<Site::query>() || spec.fused_qkv || disentangled;
    const bool want_k = below || p.template trains<Site::key>() || spec.fused_qkv || disentangled || prefix > 0;
    // Queries, keys and values are read for the last time: their gradients take their place.
    attend_backward(query, shape, dcontext, want_q, want_k);
    if (prefix > 0) take_prefix(query);
    if constexpr (spec.fused_qkv) {
      unproject_fused(p, shape, dx);
    } else {
      if (want_q) unproject_query(query, shape, dasked);
      if (want_k) unproject_key(p, shape, dx);
      unproject<Site::value>(p, value_x, v, dx);
    }
  }

  /// Which rows attend to which.
  ops::Segments segments(const P& p, const Shape& shape) const {
    const Packed& b = *p.batch;
    ops::Segments s;
    s.sequences = b.sequences;
    s.heads = shape.heads;
    s.key_heads = shape.key_heads;
    s.scale = shape.scale();
    s.causal = spec.causal && (shape.encoder_layers == 0 || shape.decodes(p.layer));
    s.q_offsets = only_first ? b.first_offsets : b.offsets;
    s.q_segment = only_first ? b.first_offsets : b.segment;
    s.k_offsets = prefix > 0 ? b.key_offsets : b.offsets;
    s.k_segment = prefix > 0 ? b.key_segment : b.segment;
    s.longest_keys = b.longest + prefix;
    s.prefix = prefix;
    if constexpr (spec.causal)
      if (caches(p, shape)) {
        s.k_offsets = has_prefix(p) ? b.cache_offsets : b.cache_own;
        s.k_ends = b.cache_ends;
        s.longest_keys = b.cache_longest;
      }
    return s;
  }
  /// Attention probabilities averaged over the heads, as ops::attention_mean leaves them; call before this layer's
  /// workspace is released.
  void scores(const P& p, const Shape& shape, V mean) const {
    ops::attention_mean<E, T>(p.w, segments(p, shape), C(q), C(k), bias(p, shape, false), mean);
  }

 private:
  static bool has_prefix(const P& p) { return p.template any<Site::self_attention, Route::prefix>(); }
  /// While decoding keys and values lie in a cache, those of a prefix before all others.
  static bool caches(const P& p, const Shape& shape) {
    if constexpr (spec.causal)
      return p.cache != nullptr && (shape.encoder_layers == 0 || shape.decodes(p.layer));
    else
      return false;
  }

  void attend(const P& p, const Shape& shape, V attended) {
    const Dropout mask = drop(p, DropoutAt::attention, shape.attention_dropout);
    const auto s = segments(p, shape);
    if constexpr (spec.causal) {
      if (caches(p, shape)) {
        // Keys and values of this step join those of the steps before.
        ops::scatter_rows(p.w, p.cache->k, C(k), p.batch->cache_rows);
        ops::scatter_rows(p.w, p.cache->v, C(v), p.batch->cache_rows);
        return ops::attention<E, T>(p.w, s, q, C(p.cache->k), C(p.cache->v), attended, lse, mask,
                                    bias(p, shape, false));
      }
    }
    ops::attention<E, T>(p.w, s, q, k, v, attended, lse, mask, bias(p, shape, false));
  }
  void attend_backward(const P& p, const Shape& shape, V dcontext, bool want_q, bool want_k) {
    const Dropout mask = drop(p, DropoutAt::attention, shape.attention_dropout);
    const auto run = [&](const auto& with) {
      ops::attention_backward<E, T>(p.w, segments(p, shape), q, k, v, lse, dcontext, want_q ? q : V(), want_k ? k : V(),
                                    v, mask, with);
    };
    if constexpr (disentangled) {
      const Extent r = rows(p.seen().relative.rows);
      position_dq = p.temp(shape.from_position ? r : 0, shape.query_width());
      position_dk = p.temp(shape.to_position ? r : 0, shape.query_width());
      ops::fill(p.w, position_dq, T(0));
      ops::fill(p.w, position_dk, T(0));
    }
    run(bias(p, shape, true));
  }

  /// What positions add to the scores; `backward`: with the places of its gradient.
  auto bias(const P& p, const Shape& shape, bool backward) const {
    if constexpr (spec.position == Position::buckets) {
      ops::BucketBias<T, E> made;
      const P of_table =
          p.in(shape.decodes(p.layer) ? shape.encoder_layers : 0);  // a stack's first layer has it for all
      made.table = of_table.template weights<Site::bucket_table>().w;
      if (backward) made.dtable = of_table.template weight_gradient<Site::bucket_table>().w;
      made.buckets = shape.buckets;
      made.max_distance = shape.reach;
      made.bidirectional = !shape.decodes(p.layer);
      return made;
    } else if constexpr (disentangled) {
      ops::Disentangled<T, E> made;
      made.pos_k = position_k;
      made.pos_q = position_q;
      made.reach = p.seen().relative.reach;
      made.bucket_size = shape.buckets;
      made.max_position = shape.reach;
      if (backward) {
        made.dpos_k = position_dk;
        made.dpos_q = position_dq;
      }
      return made;
    } else {
      return ops::NoBias{};
    }
  }

  void project_query(const P& p, const Shape& shape, C asked, bool crossing) {
    if constexpr (disentangled)
      project_with_distances<Site::query, Site::position_query>(p, shape, asked, q, query_x, position_q,
                                                                position_query_x, shape.from_position, crossing);
    else
      linear<Site::query>(p, asked, q, query_x);
    if constexpr (spec.position == Position::rotary)
      ops::rotate(p.w, q, p.batch->positions, p.seen().rotary, shape.rotary_scale, false);
  }
  void unproject_query(const P& p, const Shape& shape, V dasked) {
    if constexpr (spec.position == Position::rotary)
      ops::rotate(p.w, q, p.batch->positions, p.seen().rotary, shape.rotary_scale, true);
    if constexpr (disentangled)
      unproject_with_distances<Site::query, Site::position_query>(p, shape, query_x, q, dasked, position_query_x,
                                                                  position_dq, shape.from_position);
    else
      linear_backward<Site::query>(p, query_x, q, dasked, true);
  }
  void project_key(const P& p, const Shape& shape, C x, bool crossing) {
    if constexpr (disentangled) {
      project_with_distances<Site::key, Site::position_key>(p, shape, x, k, key_x, position_k, position_key_x,
                                                            shape.to_position, crossing);
    } else {
      after_prefix(p, k, [&](V plain) {
        linear<Site::key>(p, x, plain, key_x);
        if constexpr (spec.position == Position::rotary)
          ops::rotate(p.w, plain, p.batch->positions, p.seen().rotary, shape.rotary_scale, false);
      });
    }
  }
  void unproject_key(const P& p, const Shape& shape, V dx) {
    if constexpr (disentangled) {
      unproject_with_distances<Site::key, Site::position_key>(p, shape, key_x, k, dx, position_key_x, position_dk,
                                                              shape.to_position);
    } else {
      before_prefix(p, k, [&](V plain) {
        if constexpr (spec.position == Position::rotary)
          ops::rotate(p.w, plain, p.batch->positions, p.seen().rotary, shape.rotary_scale, true);
        linear_backward<Site::key>(p, key_x, plain, dx, true);
      });
    }
  }
  void project_value(const P& p, C x) {
    after_prefix(p, v, [&](V plain) { linear<Site::value>(p, x, plain, value_x); });
  }
  template <Site S>
  void unproject(const P& p, C own, V dy, V dx) {
    before_prefix(p, dy, [&](V plain) { linear_backward<S>(p, own, plain, dx, true); });
  }

  /// f fills the rows of the tokens, which then go to the places that a prefix leaves them.
  template <class F>
  void after_prefix(const P& p, V y, F&& f) {
    if (prefix == 0) return f(y);
    const auto scope = p.w.scope();
    V plain = p.temp(p.batch->tokens, cols(y));
    f(plain);
    ops::spread_after_prefix(p.w, y, C(plain), p.batch->segment, prefix);
  }
  template <class F>
  void before_prefix(const P& p, V dy, F&& f) {
    if (prefix == 0) return f(dy);
    const auto scope = p.w.scope();
    V plain = p.temp(p.batch->tokens, cols(dy));
    ops::collect_after_prefix(p.w, plain, C(dy), p.batch->segment, prefix);
    f(plain);
  }

  // One projection for all three.
  void project_fused(const P& p, const Shape& shape, C x) {
    const auto scope = p.w.scope();
    const Extent a = shape.query_width(), b = shape.key_width();
    V all = p.temp(rows(x), a + 2 * b);
    linear<Site::qkv>(p, x, all, query_x);
    ops::copy_columns(p.w, q, C(all), 0);
    after_prefix(p, k, [&](V plain) { ops::copy_columns(p.w, plain, C(all), a); });
    after_prefix(p, v, [&](V plain) { ops::copy_columns(p.w, plain, C(all), a + b); });
  }
  void unproject_fused(const P& p, const Shape& shape, V dx) {
    const auto scope = p.w.scope();
    const Extent a = shape.query_width(), b = shape.key_width();
    V all = p.temp(rows(q), a + 2 * b);
    ops::put_columns(p.w, all, C(q), 0);
    before_prefix(p, k, [&](V plain) { ops::put_columns(p.w, all, C(plain), a); });
    before_prefix(p, v, [&](V plain) { ops::put_columns(p.w, all, C(plain), a + b); });
    linear_backward<Site::qkv>(p, query_x, all, dx, true);
  }

  void put_prefix(const P& p) {
    p.prefix([&](auto keys, auto values, double dropout) {
      const Packed& b = *p.batch;
      ops::put_prefix(p.w, k, C(keys), b.key_offsets, b.sequences, prefix_drop(p, dropout, DropoutAt::prefix_keys));
      ops::put_prefix(p.w, v, C(values), b.key_offsets, b.sequences, prefix_drop(p, dropout, DropoutAt::prefix_values));
    });
  }
  void take_prefix(const P& p) {
    p.prefix_gradient([&](auto dkeys, auto dvalues, double dropout) {
      const Packed& b = *p.batch;
      ops::take_prefix(p.w, dkeys, C(k), b.key_offsets, b.sequences, prefix_drop(p, dropout, DropoutAt::prefix_keys));
      ops::take_prefix(p.w, dvalues, C(v), b.key_offsets, b.sequences,
                       prefix_drop(p, dropout, DropoutAt::prefix_values));
    });
  }
  /// Drawn anew for every sequence.
  static Dropout prefix_drop(const P& p, double probability, DropoutAt at) {
    Dropout mask = drop(p, at, probability);
    mask.example = p.batch->first_example;
    return mask;
  }

  V position_dq, position_dk;  // (distances, q) gradients, while backward runs
};

}  // namespace peft::nn
