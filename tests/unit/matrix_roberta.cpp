// SPDX-License-Identifier: Apache-2.0
#include <peft/delta/pasta.hpp>
#include <peft/model/roberta.hpp>

#include "unit/engine_tiny.hpp"
#include "unit/matrix.hpp"

using namespace peft;

namespace {

const auto make_roberta = [](int i, double dropout) {
  RobertaConfig c;
  const tiny::Size& size = tiny::sizes[i];
  c.hidden_size = size.width;
  c.num_attention_heads = size.heads;
  c.num_hidden_layers = size.layers;
  c.intermediate_size = size.inner;
  c.vocab_size = 20;
  c.max_position_embeddings = 26;
  c.type_vocab_size = 2;
  return Roberta<double, Space>::random(c, 5)->with_dropout(dropout, dropout, dropout);
};

template <class Method>
void check_roberta(const Method& method, const matrix::Setting& setting = {}) {
  matrix::check(make_roberta, tiny::batch({1, 7, 3, 12}), Classify{3}, method, setting);
}

}  // namespace

TEST_CASE("bottlenecks, scales, special tokens, prefixes and rows in RoBERTa", "[gradcheck]") {
  check_roberta(matrix::Bottlenecks<Delta<Prefix>, Delta<Pasta>>{}, {.dropout = 0.2});
}
TEST_CASE("matrices of low rank, an encoder's rows and biases in RoBERTa", "[gradcheck]") {
  check_roberta(matrix::Ranks{});
}
TEST_CASE("all weights of RoBERTa, diff pruning among them", "[gradcheck]") { check_roberta(matrix::InPlace{}); }
TEST_CASE("side-tuning, LST and READ beside RoBERTa", "[gradcheck]") {
  check_roberta(matrix::beside(), {.dropout = 0.2, .deviation = 1});
}
TEST_CASE("a whole ladder of RoBERTa's layers is RoBERTa") {
  matrix::copies(make_roberta, tiny::batch({1, 7, 3, 12}), Classify{3});
}
