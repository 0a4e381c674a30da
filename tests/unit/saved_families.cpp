// SPDX-License-Identifier: Apache-2.0
// Backbones that write: one stack, and two.
#include <peft/model/gpt2.hpp>
#include <peft/side/read_pair.hpp>
#include <peft/side/read_pair_full.hpp>

#include "matrix.hpp"
#include "pairs_tiny.hpp"
#include "saved.hpp"

using namespace peft;
using saved::In;

namespace {

template <class Method>
void check_t5(const Method& method, In in) {
  saved::check_on(pairs::t5<float>({}, 0.1), matrix::small(method), LanguageModel{}, pairs::batch(), in);
}

template <class Method>
void check_gpt2(const Method& method, In in) {
  Gpt2Config c;
  c.n_embd = 12;
  c.n_head = c.n_layer = 2;
  c.n_inner = 20;
  c.n_positions = 24;
  c.vocab_size = 20;
  saved::check_on(Gpt2<float, Space>::random(c, 5, 2)->with_dropout(0.1, 0.1, 0.1), matrix::small(method),
                  LanguageModel{}, matrix::texts(), in);
}

}  // namespace

TEST_CASE("saved: beside and inside T5") {
  check_t5(matrix::Bottlenecks<Delta<Prefix>>{}, In::own);
  check_t5(IA3{}, In::peft);
  check_t5(Method<Delta<Prefix>>{}, In::own);
  Method<SideNet<ReadPair<GRU, 3>>, SideNet<ReadPairFull<LSTM, 3>>, SideNet<Ladder<2>>> nets;
  std::get<2>(nets.deltas).delta.replaces = false;
  check_t5(nets, In::own);
}

TEST_CASE("saved: inside GPT-2") {
  check_gpt2(matrix::Bottlenecks<Delta<Prefix>>{}, In::own);
  check_gpt2(Method<Delta<LoRA<2>, At<Linear>>>{}, In::peft);
}
