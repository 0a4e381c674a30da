// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <peft/data/batch.hpp>
#include <peft/model/t5.hpp>

#include <memory>
#include <vector>

#include "catch.hpp"
#include "space.hpp"

/// A T5 small enough to change every number of, and pairs of sequences for it.
namespace pairs {

struct Size {
  int width = 12, heads = 2, head = 6, inner = 20, encoder = 2, decoder = 2;
  bool gated = true, tied = false;
};
inline constexpr Size sizes[] = {
    {12, 2, 6, 20, 2, 2, true, false}, {10, 3, 4, 9, 1, 3, false, true}, {16, 2, 8, 17, 3, 1, true, true}};

inline peft::T5Config config(const Size& size) {
  peft::T5Config c;
  c.d_model = size.width;
  c.num_heads = size.heads;
  c.d_kv = size.head;
  c.d_ff = size.inner;
  c.num_layers = size.encoder;
  c.num_decoder_layers = size.decoder;
  c.gated = size.gated;
  c.activation = size.gated ? peft::ActivationKind::GeluTanh : peft::ActivationKind::Silu;
  c.tie_word_embeddings = c.scale_decoder_outputs = size.tied;
  c.relative_attention_num_buckets = 8;
  c.relative_attention_max_distance = 12;
  c.vocab_size = 20;
  return c;
}

template <class T = double, peft::ExecutionSpace E = Space>
auto t5(const Size& size = {}, double dropout = 0, std::uint64_t seed = 5) {
  return peft::T5<T, E>::random(config(size), seed, 2)->with_dropout(dropout, dropout, dropout);
}

/// Pairs of sources and decoder rows of these lengths with random tokens; the first target of each has no loss.
inline peft::Batch batch(const std::vector<std::pair<int, int>>& lengths = {{4, 3}, {1, 5}, {9, 1}, {6, 2}},
                         std::uint64_t seed = 9) {
  peft::Batch b;
  std::int64_t example = 4;
  const auto draw = [&](int i) {
    return static_cast<int>(
        2 + peft::rng::combine(peft::rng::mix(seed), static_cast<std::uint64_t>(100 * example + i)) % 18);
  };
  for (const auto& [source, target] : lengths) {
    for (int i = 0; i < source; ++i) b.ids.push_back(draw(i));
    b.offsets.push_back(static_cast<int>(b.ids.size()));
    for (int i = 0; i < target; ++i) {
      b.decoder_ids.push_back(i == 0 ? 0 : draw(40 + i));
      b.targets.push_back(i == 0 && target > 1 ? -1 : draw(41 + i));
    }
    b.decoder_offsets.push_back(static_cast<int>(b.decoder_ids.size()));
    b.examples.push_back(example++);
  }
  b.types.assign(b.ids.size(), 0);
  b.slots.assign(b.ids.size(), -1);
  return b;
}

}  // namespace pairs
