// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <peft/concepts.hpp>
#include <peft/method.hpp>
#include <peft/nn/affine.hpp>
#include <peft/ops/activation.hpp>

namespace peft {

/// Prefix tuning (Li & Liang, 2021): every layer attends to n trained keys and values before those of the text,
///   [K_l; V_l] = tanh(E W' + b) U_l' + u_l        E (n, d) ~ N(0, 1),  W (m, d),  U_l (2 d, m);
/// E and W are shared by all layers, all linear layers begin as PyTorch's. `projection = false`, the released code's
/// other form and PEFT's default, trains K_l and V_l themselves. `zero` (the default) begins with keys and values of
/// zero: theirs, `false`, draw attention away from the text in all layers at once (without the projection K_l, V_l ~
/// N(0, 1)), and MiniLM then learns nothing in an epoch. Trains n d + m (d + 1) + 2 L d (m + 1), without the projection
/// 2 L n d.
///
/// Beside an encoder-decoder every stack has its prefixes, as the authors' for BART, layers counted through; none
/// stands before what a decoder sees of its encoder. PEFT has the decoder's alone: `layers = {encoder's, all}`. DeBERTa
/// has no place for any: its attention embeds the distance of every key. Rotary keys of a prefix are not turned, as in
/// PEFT; T5 takes them for the n rows before.
///
/// The text's positions begin at n, as in PEFT and the authors' code, where a prefix is the cache of earlier tokens: n
/// and the text must fit the backbone's positions. Dropout falls on keys and values, anew for every sequence (P-tuning
/// v2).
struct Prefix {
  static constexpr Route route = Route::prefix;
  static constexpr Kind fits = Kind::prefix;
  using Places = At<SelfAttention>;

  int length = 10;  // n
  bool projection = true;
  int inner = 512;  // m
  bool zero = true;
  double dropout = 0;

  /// What may be set by name.
  void each_setting(auto&& set) {
    set("length", length), set("projection", projection), set("inner", inner), set("zero", zero);
    set("dropout", dropout);
  }

  template <class V>
  struct Shared {
    V embedding;  // (n, d)
    Weights<V> hidden;  // (m, d)  (1, m)
  };
  template <class V>
  struct Params {
    V k, v;  // (n, d) twice: trained, or derived by a projection
    Weights<V> to_k, to_v;  // (d, m)  (1, d), twice
  };
  template <class V>
  struct Kept {};

  void declare_shared(auto& fields, auto& s, const auto& shape) const {
    if (!projection) return;
    fields.source("prefix.embedding", s.embedding, length, shape.width, normal(1));
    nn::declare_affine(fields, "prefix.hidden", s.hidden, shape.width, inner, nn::Runs::once_per_step);
  }
  void declare(auto& fields, auto& p, const Module& m) const {
    if (projection) {
      nn::declare_affine(fields, "prefix.key", p.to_k, inner, m.out, nn::Runs::once_per_step, zero);
      nn::declare_affine(fields, "prefix.value", p.to_v, inner, m.out, nn::Runs::once_per_step, zero);
      fields.derived("prefix.key", p.k, length, m.out);
      fields.derived("prefix.value", p.v, length, m.out);
    } else {
      fields.trained("prefix.key", p.k, length, m.out, zero ? zeros() : normal(1));
      fields.trained("prefix.value", p.v, length, m.out, zero ? zeros() : normal(1));
    }
  }
  template <class P>
  auto keys_values(P& p) const {
    return KeysValues<decltype(p.k)>{p.k, p.v};
  }

  void prepare(auto& c, auto& all) const {
    if (!projection) return;
    const auto h = hidden(c, all.shared, {});
    for (auto& p : all.modules) {
      nn::affine(c, p.to_k, h, p.k);  // K  = h U_k' + u_k       (n, d)
      nn::affine(c, p.to_v, h, p.v);  // V  = h U_v' + u_v       (n, d)
    }
  }
  void finish(auto& c, auto& all, auto& grads) const {
    if (!projection) return;
    auto slope = c.temp(length, inner), dh = c.temp(length, inner);
    const auto h = hidden(c, all.shared, slope);
    ops::fill(c, dh, 0);
    for (std::size_t i = 0; i < all.modules.size(); ++i) {
      auto &p = all.modules[i], &g = grads.modules[i];
      nn::affine_backward(c, p.to_k, h, g.k, g.to_k, dh, 1);  // dh += dK U_k            (n, m)
      nn::affine_backward(c, p.to_v, h, g.v, g.to_v, dh, 1);  // dh += dV U_v            (n, m)
    }
    ops::multiply(c, dh, dh, slope);  // through the tanh
    nn::affine_backward(c, all.shared.hidden, all.shared.embedding, dh, grads.shared.hidden, grads.shared.embedding, 1);
  }

 private:
  /// h = tanh(E W' + b)  (n, m); slope <- its derivative, unless empty.
  template <class C, class S>
  auto hidden(C& c, S& s, decltype(s.embedding) slope) const {
    auto h = c.temp(length, inner);
    nn::affine(c, s.hidden, s.embedding, h);
    ops::activate(c, h, slope, ops::Tanh{});
    return h;
  }
};

/// P-tuning v2 (Liu et al., 2022): the prefix of every layer is trained directly, with the backbone's dropout on it.
/// Trains 2 L n d.
struct PTuningV2 : Prefix {
  PTuningV2() {
    length = 4;
    projection = false;
    dropout = 0.1;
  }
};

}  // namespace peft
