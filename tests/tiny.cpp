// SPDX-License-Identifier: Apache-2.0
#include "unit/engine_tiny.hpp"

namespace tiny {

using namespace peft;

BertConfig config(Size size, BertActivation activation) {
  BertConfig c;
  c.hidden_size = size.width;
  c.num_attention_heads = size.heads;
  c.num_hidden_layers = size.layers;
  c.intermediate_size = size.inner;
  c.vocab_size = 20;
  c.max_position_embeddings = 80;
  c.hidden_act = activation;
  return c;
}

// What engine_tiny.hpp promises.
template std::shared_ptr<const Bert<double, Space>> bert<double, Space>(Size, double, std::uint64_t);

Batch batch(const std::vector<int>& lengths, int labels, std::uint64_t seed) {
  Batch b;
  std::int64_t example = 4;
  for (const int n : lengths) {
    Encoded e;
    for (int i = 0; i < n; ++i) {
      const auto draw = rng::combine(rng::mix(seed), static_cast<std::uint64_t>(100 * example + i));
      e.ids.push_back(i == 0 ? 1 : static_cast<int>(2 + draw % 18));
      e.types.push_back(2 * i > n);
      const bool pair = n > 5;
      e.slots.push_back(i == 0 ? 0 : pair && i == n / 2 ? 1 : i == n - 1 ? 1 + pair : -1);
    }
    e.target = labels > 1 ? static_cast<double>(example % labels) : 0.3 * static_cast<double>(example) - 1;
    b.add(e, example++);
  }
  return b;
}

}  // namespace tiny
