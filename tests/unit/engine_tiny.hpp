// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <peft/model/bert.hpp>
#include <peft/testing/gradcheck_model.hpp>

#include <memory>
#include <vector>

#include "catch.hpp"
#include "gradients.hpp"
#include "space.hpp"

/// A BERT small enough to change every number of, and batches for it.
namespace tiny {

struct Size {
  int width = 12, heads = 2, layers = 2, inner = 20;
};
inline constexpr Size sizes[] = {{12, 2, 2, 20}, {16, 2, 3, 9}, {18, 3, 2, 17}};  // heads of 6, 8 and 6

peft::BertConfig config(Size size = {}, peft::BertActivation activation = peft::BertActivation::Gelu);

template <class T = double, peft::ExecutionSpace E = peft::Host>
std::shared_ptr<const peft::Bert<T, E>> bert(Size size = {}, double dropout = 0, std::uint64_t seed = 5) {
  return peft::Bert<T, E>::random(
             config(size, size.layers == 3 ? peft::BertActivation::GeluTanh : peft::BertActivation::Gelu), seed)
      ->with_dropout(dropout, dropout, dropout);
}

extern template std::shared_ptr<const peft::Bert<double, Space>> bert<double, Space>(Size, double,
                                                                                     std::uint64_t);  // in tiny.cpp

/// Sequences of these lengths with random tokens, the longer ones marked as pairs with three special tokens; labels >
/// 1: classes, else scores.
peft::Batch batch(const std::vector<int>& lengths, int labels = 3, std::uint64_t seed = 9);

/// Every trainable number of a method on three shapes, without dropout and with; the flipped gradient must be found
/// out.
template <class Task = peft::Classify, class Method = peft::Method<>>
void check_gradients(Method method = {}, peft::Extent labels = 3, std::vector<int> lengths = {1, 7, 3, 12}) {
  using namespace peft;
  using M = Model<Bert<double, Space>, Method, Task>;
  bool dropout = false;
  for (const Size& size : sizes) {
    M model(bert<double, Space>(size, dropout ? 0.2 : 0), method, Task{labels});
    const Batch data = batch(lengths, labels);
    gradients::expect_right(model, data, {}, !dropout);
    dropout = true;
  }
}

}  // namespace tiny
