// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <peft/model/bert.hpp>
#include <peft/testing/gradcheck_model.hpp>

#include <memory>
#include <vector>

#include "catch.hpp"
#include "gradients.hpp"

/// A BERT small enough to change every number of, and batches for it.
namespace tiny {

struct Size {
  int width = 12, heads = 2, layers = 2, inner = 20;
};
inline constexpr Size sizes[] = {{12, 2, 2, 20}, {16, 2, 3, 9}, {18, 3, 2, 17}};  // heads of 6, 8 and 6

inline peft::BertConfig config(Size size = {}, peft::BertActivation activation = peft::BertActivation::Gelu) {
  peft::BertConfig c;
  c.hidden_size = size.width;
  c.num_attention_heads = size.heads;
  c.num_hidden_layers = size.layers;
  c.intermediate_size = size.inner;
  c.vocab_size = 20;
  c.max_position_embeddings = 80;
  c.hidden_act = activation;
  return c;
}

template <class T = double>
auto bert(Size size = {}, double dropout = 0, std::uint64_t seed = 5) {
  return peft::Bert<T>::random(config(size, size.layers == 3 ? peft::BertActivation::GeluTanh : peft::BertActivation::Gelu), seed)
      ->with_dropout(dropout, dropout, dropout);
}

/// Sequences of these lengths with random tokens, the longer ones marked as pairs with three special tokens; labels > 1: classes, else scores.
inline peft::Batch batch(const std::vector<int>& lengths, int labels = 3, std::uint64_t seed = 9) {
  peft::Batch b;
  std::int64_t example = 4;
  for (const int n : lengths) {
    peft::Encoded e;
    for (int i = 0; i < n; ++i) {
      const auto draw = peft::rng::combine(peft::rng::mix(seed), static_cast<std::uint64_t>(100 * example + i));
      e.ids.push_back(i == 0 ? 1 : static_cast<int>(2 + draw % 18));
      e.types.push_back(2 * i > n);
      const bool pair = n > 5;
      e.slots.push_back(i == 0 ? 0 : pair && i == n / 2 ? 1 : i == n - 1 ? 1 + pair : -1);
    }
    e.target = labels > 1 ? static_cast<double>(example % labels) : 0.3 * static_cast<double>(example) - 1;
    b.add(e, example++);
  }
  return b;
}

/// Every trainable number of a method on three shapes, without dropout and with; the flipped gradient must be found out.
template <class Task = peft::Classify, class Method = peft::Method<>>
void check_gradients(Method method = {}, peft::Extent labels = 3, std::vector<int> lengths = {1, 7, 3, 12}) {
  using namespace peft;
  using M = Model<Bert<double>, Method, Task>;
  bool dropout = false;
  for (const Size& size : sizes) {
    M model(bert(size, dropout ? 0.2 : 0), Task{labels}, method);
    const Batch data = batch(lengths, labels);
    gradients::expect_right(model, data, {}, !dropout);
    dropout = true;
  }
}

}  // namespace tiny
