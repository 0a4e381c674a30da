// SPDX-License-Identifier: Apache-2.0
#include <peft/model/t5.hpp>
#include <peft/side/gru.hpp>
#include <peft/side/lstm.hpp>
#include <peft/side/read_pair.hpp>
#include <peft/side/rnn.hpp>
#include <peft/task/language_model.hpp>
#include <peft/testing/gradcheck_model.hpp>

#include "unit/pairs_tiny.hpp"

using namespace peft;
template <class Cell>
using Pair = Method<SideNet<ReadPair<Cell, 3>>>;
using Plain = Pair<GRU>::Plain;

// No gradient crosses the backbone: if one did, this would not compile.
template <>
void nn::Block<Pass<T5<double>, Pair<GRU>>>::backward(Pass<T5<double>, Pair<GRU>>&, const nn::Shape&, Mat<double>, Mat<double>) = delete;

TEMPLATE_TEST_CASE("READ in full on an encoder-decoder", "[gradcheck]", RNN, GRU, LSTM) {
  for (const pairs::Size& size : pairs::sizes) {
    Model<T5<double>, Pair<TestType>, LanguageModel> model(pairs::t5(size), {}, {});
    const auto result = testing::gradcheck_model(model, pairs::batch(), {.workers = 2, .deviation = 1.5});
    INFO(result);
    CHECK(result.worst < 1e-6);
    CHECK(result.largest > 0.02);
    CHECK(result.checked == model.trainable());
    CHECK(testing::gradcheck_model(model, pairs::batch(), {.deviation = 1.5, .flip = true}).worst > 0.04);
    const int gates = std::is_same_v<TestType, RNN> ? 1 : std::is_same_v<TestType, GRU> ? 3 : 4;
    CHECK(model.trainable() == 2 * gates * 3 * (size.width + 3 + 2) + 2 * size.width * 3);
  }
}
