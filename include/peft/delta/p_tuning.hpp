// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <string>
#include <type_traits>
#include <vector>

#include <peft/concepts.hpp>
#include <peft/method.hpp>
#include <peft/nn/affine.hpp>
#include <peft/nn/bilstm.hpp>
#include <peft/ops/activation.hpp>

namespace peft {

/// P-tuning (Liu et al., 2021): n rows before the embeddings of every text, made by an encoder from E (n, d) ~ N(0, 1).
///   Encoder::lstm   relu(biLSTM(E) W_1' + b_1) W_2' + b_2                two layers of h each way; W_1 (2h, 2h), W_2 (d, 2h)
///   Encoder::mlp    relu(relu(E W_1' + b_1) W_2' + b_2) W_3' + b_3      W_1 (h, d), W_2 (h, h), W_3 (d, h): PEFT's default
///   Encoder::none   E itself: what is left of an encoder in PEFT's files
/// shaped as PEFT's and begun as PyTorch's layers. h = 0 stands for d / 2 (lstm, as in the authors' code) or d (mlp).
/// Trains n d, and 8 h (d + h + 2) + 8 h (3 h + 2) per further layer + 2 h (2 h + 1) + d (2 h + 1) in an LSTM encoder,
/// h (d + 1) + h (h + 1) + d (h + 1) in an MLP. Where the rows go: see Prompt.
struct PTuning {
  static constexpr Route route = Route::input;
  static constexpr Kind fits = Kind::input;
  using Places = At<Input>;
  enum class Encoder { lstm, mlp, none };

  int length = 20;  // n
  Encoder encoder = Encoder::lstm;
  int inner = 0;  // h
  int lstm_layers = 2;

  /// What may be set by name.
  void each_setting(auto&& set) { set("length", length), set("inner", inner), set("layers", lstm_layers); }

  template <class V>
  struct Params {
    V embedding;  // (n, d)
    nn::BiLstm::Params<V> lstm;
    std::vector<Weights<V>> mlp;  // two layers after an LSTM, else three
    V prompt;  // (n, d): derived, or trained without an encoder
  };
  template <class V>
  struct Kept {};

  Extent count() const { return length; }
  auto rows(auto& p) const { return p.prompt; }
  Extent inner_of(Extent d) const { return inner > 0 ? inner : encoder == Encoder::lstm ? d / 2 : d; }
  nn::BiLstm lstm(Extent d) const { return {inner_of(d), lstm_layers}; }

  void declare(auto& fields, auto& p, const Module& m) const {
    if (encoder == Encoder::none) return fields.trained("prompt", p.prompt, length, m.out, normal(1));
    const bool recurrent = encoder == Encoder::lstm;
    const Extent d = m.out, h = inner_of(d), wide = recurrent ? 2 * h : h;
    fields.source("prompt.embedding", p.embedding, length, d, normal(1));
    if (recurrent) lstm(d).declare(fields, "prompt.lstm_head", p.lstm, d);
    p.mlp.resize(recurrent ? 2 : 3);
    for (std::size_t i = 0; i < p.mlp.size(); ++i)
      nn::declare_affine(fields, "prompt.mlp_head." + std::to_string(2 * i), p.mlp[i], i > 0 || recurrent ? wide : d,
                         i + 1 < p.mlp.size() ? wide : d, nn::Runs::once_per_step);
    fields.derived("prompt", p.prompt, length, d);
  }

  void prepare(auto& c, auto& all) const {
    if (encoder == Encoder::none) return;
    for (auto& p : all.modules) {
      Way<decltype(p.prompt)> way;
      forward(c, p, way, p.prompt);
    }
  }
  void finish(auto& c, auto& all, auto& grads) const {
    if (encoder == Encoder::none) return;
    for (std::size_t k = 0; k < all.modules.size(); ++k) {
      auto &p = all.modules[k], &g = grads.modules[k];
      using V = std::remove_cvref_t<decltype(p.prompt)>;
      Way<V> way;
      forward(c, p, way, V());
      V dy = g.prompt;
      for (std::size_t i = p.mlp.size(); i-- > 0;) {
        const bool last = i == 0 && encoder == Encoder::mlp;
        V dx = last ? g.embedding : c.temp(length, cols(way.x[i]));
        nn::affine_backward(c, p.mlp[i], way.x[i], dy, g.mlp[i], dx, last ? 1 : 0);  // dx = dy W_i
        if (i > 0) ops::multiply(c, dx, dx, way.slope[i - 1]);
        dy = dx;
      }
      if (encoder == Encoder::lstm) lstm(cols(p.prompt)).backward(c, p.lstm, way.lstm, dy, g.lstm, g.embedding);
    }
  }

 private:
  /// What a backward through the encoder reads again.
  template <class V>
  struct Way {
    std::vector<nn::BiLstm::Kept<V>> lstm;
    std::vector<V> x, slope;  // of the linear layers: inputs, and the derivatives of what follows all but the last
  };
  /// The last layer runs only where `out` is not empty.
  template <class V>
  void forward(auto& c, const auto& p, Way<V>& way, V out) const {
    V x = p.embedding;
    if (encoder == Encoder::lstm) x = lstm(cols(p.prompt)).forward(c, p.lstm, x, way.lstm);
    for (std::size_t i = 0; i + 1 < p.mlp.size(); ++i) {
      way.x.push_back(x);
      x = c.temp(length, peft::rows(p.mlp[i].w));
      way.slope.push_back(c.temp(length, cols(x)));
      nn::affine(c, p.mlp[i], way.x[i], x);  // x = x W_i' + b_i
      ops::activate(c, x, way.slope[i], ops::Relu{});
    }
    way.x.push_back(x);
    if (!empty(out)) nn::affine(c, p.mlp.back(), x, out);
  }
};

}  // namespace peft
