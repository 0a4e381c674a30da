// SPDX-License-Identifier: Apache-2.0
#include <peft/model/llama.hpp>
#include <peft/task/language_model.hpp>

#include "unit/matrix.hpp"

using namespace peft;

namespace {

/// The last has biases, as Qwen2.
const auto make_llama = [](int i, double dropout) {
  LlamaConfig c;
  c.hidden_size = i == 0 ? 16 : i == 1 ? 12 : 10;
  c.num_attention_heads = i == 1 ? 3 : 2;
  c.num_key_value_heads = i == 2 ? 2 : 1;
  c.head_dim = i == 0 ? 8 : 4;
  c.num_hidden_layers = i == 2 ? 1 : 2;
  c.intermediate_size = i == 1 ? 9 : 20;
  c.max_position_embeddings = 24;
  c.vocab_size = 20;
  c.qkv_bias = i == 2;
  c.tie_word_embeddings = i == 1;
  return Llama<double, Space>::random(c, 5, 2)->with_dropout(-1, dropout, dropout);
};

static_assert(!adds_special_tokens<Llama<double, Space>>());  // PASTA is refused

template <class Method>
void check_llama(const Method& method, const matrix::Setting& setting = {}) {
  matrix::check(make_llama, matrix::texts(), LanguageModel{}, method, setting);
}

}  // namespace

TEST_CASE("bottlenecks, scales, prefixes and rows in Llama", "[gradcheck]") {
  check_llama(matrix::Bottlenecks<Delta<Prefix>>{}, {.dropout = 0.2});
}
TEST_CASE("matrices of low rank, an encoder's rows and biases in Llama", "[gradcheck]") {
  check_llama(matrix::Ranks{});
}
TEST_CASE("all weights of Llama, diff pruning among them", "[gradcheck]") { check_llama(matrix::InPlace{}); }
TEST_CASE("BitFit adds to Llama a bias per linear map and norm, and trains those of Qwen2") {
  const auto backbone = make_llama(0, 0);  // d = 16, keys of 8, inner 20; no biases
  const int layer = 5 * 16 + 2 * 8 + 2 * 20;
  CHECK(Model<Llama<double, Space>, BitFit, LanguageModel>(backbone, {}, {}).trainable() == 2 * layer + 16);
  const auto qwen = make_llama(2, 0);  // d = 10, heads of 4, inner 20
  CHECK(Model<Llama<double, Space>, BitFit, LanguageModel>(qwen, {}, {}).trainable() ==
        3 * 8 + 10 + 20 + 20 + 10 + 2 * 10 + 10);
}
TEST_CASE("biases alone are refused on a Llama that has none") {
  using Alone = Model<Llama<double, Space>, Method<Delta<Bias>>, LanguageModel>;
  CHECK_THROWS_WITH(Alone(make_llama(0, 0), {}, LanguageModel{}),
                    ContainsSubstring("no biases to train") && ContainsSubstring("AddedBias"));
  CHECK(Alone(make_llama(2, 0), {}, LanguageModel{}).trainable() == 3 * 8);
}

TEST_CASE("side-tuning, LST and READ beside Llama", "[gradcheck]") {
  check_llama(matrix::beside(), {.dropout = 0.2, .deviation = 1});
}
TEST_CASE("a whole ladder of Llama's layers is Llama") { matrix::copies(make_llama, matrix::texts(), LanguageModel{}); }
