// SPDX-License-Identifier: Apache-2.0
#include <peft/model/t5.hpp>
#include <peft/side/gru.hpp>
#include <peft/side/lstm.hpp>
#include <peft/side/read_layers.hpp>
#include <peft/side/read_pair.hpp>
#include <peft/side/read_pair_full.hpp>
#include <peft/side/rnn.hpp>
#include <peft/task/language_model.hpp>

#include "gradients.hpp"
#include "unit/pairs_tiny.hpp"

using namespace peft;
template <class Cell>
using Pair = Method<SideNet<ReadPair<Cell, 3>>>;

/// Through the probabilities of words gradients are small.
constexpr gradients::Bounds small{.largest = 0.02, .flipped = 0.04, .flipped_every = 1};

// No gradient crosses the backbone: if one did, this would not compile.
template <>
void nn::Block<Pass<T5<double, Space>, Pair<GRU>>::Call>::backward(const Pass<T5<double, Space>, Pair<GRU>>::Call&,
                                                                   const nn::Shape&, Mat<double, Space>,
                                                                   Mat<double, Space>) = delete;

TEMPLATE_TEST_CASE("READ in full on an encoder-decoder", "[gradcheck]", RNN, GRU, LSTM) {
  const bool relative = GENERATE(false, true);
  for (const pairs::Size& size : pairs::sizes) {
    Pair<TestType> method;
    std::get<0>(method.deltas).delta.relative = relative;
    Model<T5<double, Space>, Pair<TestType>, LanguageModel> model(pairs::t5(size), method, {});
    gradients::expect_right(model, pairs::batch(), {.deviation = 1.5}, true, {}, small);
    const int gates = std::is_same_v<TestType, RNN> ? 1 : std::is_same_v<TestType, GRU> ? 3 : 4;
    CHECK(model.trainable() == 2 * gates * 3 * (size.width + 3 + 2) + 2 * size.width * 3);
  }
}

namespace {

/// The gradients on three backbones, those of every tensor of the side net.
template <class Net>
void check_full(const Net& net, int gates) {
  Method<SideNet<Net>> method;
  std::get<0>(method.deltas).delta = net;
  for (const pairs::Size& size : pairs::sizes) {
    Model<T5<double, Space>, Method<SideNet<Net>>, LanguageModel> model(pairs::t5(size), method, {});
    gradients::expect_right(model, pairs::batch(), {.deviation = 1.5}, true, {}, small);
    const int k = 3, d = size.width;
    if (!net.encoder.joiner.gated)
      CHECK(model.trainable() == 2 * gates * k * (d + 2 * k + 2) + 3 * (2 * k * k + 2 * k) + 4 * k * k + d * k);
  }
}

}  // namespace

TEST_CASE("READ by its equations on an encoder-decoder", "[gradcheck]") {
  check_full(ReadPairFull<GRU, 3>{}, 3);
  ReadPairFull<GRU, 3> paper;
  paper.relative = false;
  check_full(paper, 3);
  ReadPairFull<LSTM, 3> gated;
  gated.encoder.joiner.gated = gated.decoder.joiner.gated = true;
  gated.dropout = 0.2;
  check_full(gated, 4);
}

TEST_CASE("READ without recurrence on an encoder-decoder follows the decoder's layers", "[gradcheck]") {
  for (const double dropout : {0., 0.2}) {
    Method<SideNet<ReadLayers<3>>> method;
    std::get<0>(method.deltas).delta.dropout = dropout;
    for (const pairs::Size& size : pairs::sizes) {
      const auto backbone = pairs::t5(size);
      Model<T5<double, Space>, Method<SideNet<ReadLayers<3>>>, LanguageModel> model(backbone, method, {});
      gradients::expect_right(model, pairs::batch(), {.deviation = 1.5}, true, {}, small);
      const int layers = backbone->layers() - backbone->shape().encoder_layers;
      CHECK(model.trainable() == layers * (2 * size.width * 3 + 3));
    }
  }
}
