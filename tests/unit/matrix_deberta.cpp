// SPDX-License-Identifier: Apache-2.0
#include <peft/delta/pasta.hpp>
#include <peft/model/deberta.hpp>

#include "unit/engine_tiny.hpp"
#include "unit/matrix.hpp"

using namespace peft;

namespace {

/// As v3, which shares the projections of tokens and distances; with projections of their own; from content to position
/// alone.
const auto make_deberta = [](int i, double dropout) {
  DebertaConfig c;
  const tiny::Size& size = tiny::sizes[i];
  c.hidden_size = size.width;
  c.num_attention_heads = size.heads;
  c.num_hidden_layers = size.layers;
  c.intermediate_size = size.inner;
  c.vocab_size = 20;
  c.max_position_embeddings = c.max_relative_positions = 24;
  c.position_buckets = i == 0 ? 4 : -1;
  c.relative_attention = true;
  c.pos_att_type = {"c2p"};
  if (i < 2) c.pos_att_type.push_back("p2c");
  c.share_att_key = i == 0;
  c.norm_rel_ebd = i == 0;
  c.position_biased_input = i == 2;
  c.type_vocab_size = 2;
  return Deberta<double, Space>::random(c, 5)->with_dropout(dropout, dropout, dropout);
};

template <class Method>
void check_deberta(const Method& method, const matrix::Setting& setting = {}) {
  matrix::check(make_deberta, tiny::batch({1, 7, 3, 12}), Classify{3}, method, setting);
}

}  // namespace

TEST_CASE("bottlenecks, scales, special tokens and rows in DeBERTa", "[gradcheck]") {
  check_deberta(matrix::Bottlenecks<Delta<Pasta>>{}, {.dropout = 0.2});
}
TEST_CASE("matrices of low rank, an encoder's rows and biases in DeBERTa", "[gradcheck]") {
  check_deberta(matrix::Ranks{});
}
TEST_CASE("all weights of DeBERTa, diff pruning among them", "[gradcheck]") {
  check_deberta(matrix::InPlace{}, {.dropout = 0.2});
}
TEST_CASE("side-tuning, LST and READ beside DeBERTa", "[gradcheck]") {
  check_deberta(matrix::beside(), {.dropout = 0.2, .deviation = 1});
}
