// SPDX-License-Identifier: Apache-2.0
#include <peft/model/gpt2.hpp>
#include <peft/task/language_model.hpp>

#include "unit/matrix.hpp"

using namespace peft;

namespace {

const auto make_gpt2 = [](int i, double dropout) {
  Gpt2Config c;
  c.n_embd = i == 0 ? 12 : i == 1 ? 10 : 16;
  c.n_head = i == 1 ? 1 : 2;
  c.n_layer = i == 2 ? 1 : 2;
  c.n_inner = i == 1 ? 9 : 20;
  c.n_positions = 24;
  c.vocab_size = 20;
  c.tie_word_embeddings = i != 1;
  return Gpt2<double, Space>::random(c, 5, 2)->with_dropout(dropout, dropout, dropout);
};

template <class Method>
void check_gpt2(const Method& method, const matrix::Setting& setting = {}) {
  matrix::check(make_gpt2, matrix::texts(), LanguageModel{}, method, setting);
}

}  // namespace

TEST_CASE("bottlenecks, scales, prefixes and rows in GPT-2", "[gradcheck]") {
  check_gpt2(matrix::Bottlenecks<Delta<Prefix>>{}, {.dropout = 0.2});
}
TEST_CASE("matrices of low rank, an encoder's rows and biases in GPT-2", "[gradcheck]") { check_gpt2(matrix::Ranks{}); }
TEST_CASE("all weights of GPT-2, diff pruning among them", "[gradcheck]") { check_gpt2(matrix::InPlace{}); }
TEST_CASE("side-tuning, LST and READ beside GPT-2", "[gradcheck]") {
  check_gpt2(matrix::beside(), {.dropout = 0.2, .deviation = 1});
}
TEST_CASE("a whole ladder of GPT-2's layers is GPT-2") { matrix::copies(make_gpt2, matrix::texts(), LanguageModel{}); }
