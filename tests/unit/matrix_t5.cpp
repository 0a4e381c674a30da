// SPDX-License-Identifier: Apache-2.0
#include <peft/side/read_pair.hpp>
#include <peft/task/language_model.hpp>

#include "unit/matrix.hpp"
#include "unit/pairs_tiny.hpp"

using namespace peft;

namespace {

const auto make_t5 = [](int i, double dropout) { return pairs::t5(pairs::sizes[i], dropout); };

static_assert(!adds_special_tokens<T5<double>>());  // PASTA is refused

template <class Method>
void check_t5(const Method& method, const matrix::Setting& setting = {}) {
  matrix::check(make_t5, pairs::batch({{4, 3}, {1, 4}, {6, 2}}), LanguageModel{}, method, setting);
}

}  // namespace

TEST_CASE("bottlenecks, scales, prefixes and rows in T5", "[gradcheck]") {
  check_t5(matrix::Bottlenecks<Delta<Prefix>>{}, {.dropout = 0.2});
}
TEST_CASE("matrices of low rank, an encoder's rows and biases in T5", "[gradcheck]") { check_t5(matrix::Ranks{}); }
TEST_CASE("all weights of T5, diff pruning among them", "[gradcheck]") { check_t5(matrix::InPlace{}); }
TEST_CASE("LST and READ beside T5", "[gradcheck]") {
  check_t5(Method<SideNet<Ladder<2>>, SideNet<ReadPair<GRU, 3>>>{}, {.dropout = 0.2, .deviation = 1});
}
TEST_CASE("a whole ladder of T5's layers is T5") {
  matrix::copies(make_t5, pairs::batch({{4, 3}, {1, 4}, {6, 2}}), LanguageModel{});
}
