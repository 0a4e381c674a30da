// SPDX-License-Identifier: Apache-2.0
#include <peft/delta/pasta.hpp>
#include <peft/model/distilbert.hpp>

#include "unit/engine_tiny.hpp"
#include "unit/matrix.hpp"

using namespace peft;

namespace {

const auto make_distilbert = [](int i, double dropout) {
  DistilbertConfig c;
  const tiny::Size& size = tiny::sizes[i];
  c.hidden_size = size.width;
  c.num_attention_heads = size.heads;
  c.num_hidden_layers = size.layers;
  c.intermediate_size = size.inner;
  c.vocab_size = 20;
  c.max_position_embeddings = 24;
  return Distilbert<double, Space>::random(c, 5)->with_dropout(dropout, dropout, dropout);
};

template <class Method>
void check_distilbert(const Method& method, const matrix::Setting& setting = {}) {
  matrix::check(make_distilbert, tiny::batch({1, 7, 3, 12}), Classify{3}, method, setting);
}

/// How much dropout moves the loss where what could be dropped is zero, but for what attention gives.
template <class Backbone>
double moved_by_dropout(std::shared_ptr<const Backbone> backbone) {
  using M = Model<Backbone, Method<Delta<Full, At<EmbedNorm, FfnDown>>>>;
  M model(backbone->with_dropout(0.5, 0, 0), {}, Classify{3});
  for (const Field& f : model.layout().fields())
    if (!f.module.empty()) model.write(f, std::vector<double>(static_cast<std::size_t>(f.size()), 0));
  Engine<M> engine(model, 1);
  const auto loss = [&](bool training) {
    engine.prepare(3, training);
    engine.zero_gradients();
    return engine.accumulate(tiny::batch({1, 7, 3, 12}), 1, 3, training);
  };
  return std::abs(loss(true) - loss(false));
}

}  // namespace

TEST_CASE("bottlenecks, scales, special tokens, prefixes and rows in DistilBERT", "[gradcheck]") {
  check_distilbert(matrix::Bottlenecks<Delta<Prefix>, Delta<Pasta>>{}, {.dropout = 0.2});
}
TEST_CASE("matrices of low rank, an encoder's rows and biases in DistilBERT", "[gradcheck]") {
  check_distilbert(matrix::Ranks{});
}
TEST_CASE("all weights of DistilBERT, diff pruning among them", "[gradcheck]") {
  check_distilbert(matrix::InPlace{}, {.dropout = 0.2});
}
TEST_CASE("side-tuning, LST and READ beside DistilBERT", "[gradcheck]") {
  check_distilbert(matrix::beside(), {.dropout = 0.2, .deviation = 1});
}
TEST_CASE("a whole ladder of DistilBERT's layers is DistilBERT") {
  matrix::copies(make_distilbert, tiny::batch({1, 7, 3, 12}), Classify{3});
}
TEST_CASE("DistilBERT drops nothing of what attention gives, BERT does") {
  CHECK(moved_by_dropout(make_distilbert(0, 0)) < 1e-12);
  CHECK(moved_by_dropout(tiny::bert()) > 1e-2);
}
