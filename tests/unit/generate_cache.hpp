// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <peft/model/gpt2.hpp>
#include <peft/model/llama.hpp>
#include <peft/model/row_decoder.hpp>
#include <peft/model/t5.hpp>
#include <peft/task/language_model.hpp>
#include <peft/train/engine.hpp>

#include <cmath>
#include <functional>
#include <memory>
#include <vector>

#include "catch.hpp"

/// Decoding row by row against a pass over all rows, on random models in double precision.
namespace cache {

using Ids = std::vector<std::int32_t>;
inline constexpr int vocabulary = 23;

inline auto llama() {
  peft::LlamaConfig c;
  c.hidden_size = 12;
  c.num_attention_heads = 4;
  c.num_key_value_heads = 2;
  c.head_dim = 6;
  c.intermediate_size = 20;
  c.num_hidden_layers = 3;
  c.max_position_embeddings = 40;
  c.vocab_size = vocabulary;
  return peft::Llama<double>::random(c, 5, 2);
}
inline auto gpt2() {
  peft::Gpt2Config c;
  c.n_embd = 12;
  c.n_head = 2;
  c.n_inner = 20;
  c.n_layer = 3;
  c.n_positions = 40;
  c.vocab_size = vocabulary;
  return peft::Gpt2<double>::random(c, 5, 2);
}
inline auto t5() {
  peft::T5Config c;
  c.d_model = 12;
  c.num_heads = 2;
  c.d_kv = 6;
  c.d_ff = 20;
  c.num_layers = 2;
  c.num_decoder_layers = 3;
  c.relative_attention_num_buckets = 8;
  c.relative_attention_max_distance = 12;
  c.vocab_size = vocabulary;
  return peft::T5<double>::random(c, 5, 2);
}

inline Ids draw(int n, std::uint64_t seed) {
  Ids ids;
  for (int i = 0; i < n; ++i)
    ids.push_back(static_cast<int>(peft::rng::combine(peft::rng::mix(seed), std::uint64_t(i)) % vocabulary));
  return ids;
}

/// A model that goes on with texts, by passes over all rows and row by row, whatever its type.
struct Decoding {
  bool cross;  // an encoder-decoder, which reads sources
  std::function<std::vector<double>(const peft::Batch&)> predict;
  std::function<void(const std::vector<Ids>& prompts, int first)> start;
  std::function<std::vector<double>(const std::vector<peft::Continuation>&)> forward;
  std::function<void(int from, int to)> copy;
};

/// The last row's logits of each sequence, by a pass over all of it. `sources`: of an encoder-decoder, one each.
inline std::vector<double> whole(const Decoding& model, const std::vector<Ids>& texts,
                                 const std::vector<Ids>& sources) {
  peft::Batch b;
  for (std::size_t i = 0; i < texts.size(); ++i) {
    const Ids& read = model.cross ? sources[i] : texts[i];
    b.ids.insert(b.ids.end(), read.begin(), read.end());
    b.offsets.push_back(static_cast<int>(b.ids.size()));
    if (model.cross) {
      b.decoder_ids.insert(b.decoder_ids.end(), texts[i].begin(), texts[i].end());
      b.decoder_offsets.push_back(static_cast<int>(b.decoder_ids.size()));
    }
    b.examples.push_back(static_cast<int>(i));
  }
  b.types.assign(b.ids.size(), 0);
  b.slots.assign(b.ids.size(), -1);
  const auto all = model.predict(b);
  const auto& offsets = model.cross ? b.decoder_offsets : b.offsets;
  std::vector<double> last;
  for (std::size_t i = 0; i < texts.size(); ++i)
    last.insert(last.end(), all.begin() + std::ptrdiff_t(offsets[i + 1] - 1) * vocabulary,
                all.begin() + std::ptrdiff_t(offsets[i + 1]) * vocabulary);
  return last;
}

/// The greatest difference over every prefix of three texts that are decoded together; one leaves early, one is copied.
/// The logits are of order one.
inline double difference(const Decoding& model) {
  using namespace peft;
  double worst = 0, largest = 0;
  for (const int first : {1, 4}) {  // ids of the first step
    const std::vector<Ids> texts{draw(9, 1), draw(12, 2), draw(12, 3)}, sources{draw(7, 4), draw(1, 5), draw(5, 6)};
    std::vector<Ids> prompts = sources;
    const auto begin = [&](std::size_t i, int n) { return std::span<const std::int32_t>(texts[i]).first(n); };
    if (!model.cross)
      for (std::size_t i = 0; i < 3; ++i) prompts[i] = Ids(begin(i, first).begin(), begin(i, first).end());
    model.start(prompts, first);
    const int places[] = {0, 2, 4};
    int moved = 4;
    for (int n = first; n <= 12; n = n + 1) {
      std::vector<Continuation> step;
      std::vector<Ids> seen, read;
      for (std::size_t i = 0; i < 3; ++i) {
        if (n > static_cast<int>(texts[i].size())) continue;
        step.push_back({i == 2 ? moved : places[i], n == first ? begin(i, n) : begin(i, n).last(1)});
        seen.emplace_back(begin(i, n).begin(), begin(i, n).end());
        read.push_back(sources[i]);
      }
      const std::vector<double> got = model.forward(step), wanted = whole(model, seen, read);
      REQUIRE(got.size() == wanted.size());
      for (std::size_t i = 0; i < got.size(); ++i) {
        const double d = std::abs(got[i] - wanted[i]);
        worst = std::isnan(d) ? 1e30 : std::max(worst, d);
        largest = std::max(largest, std::abs(wanted[i]));
      }
      if (n == 6) model.copy(4, moved = 5);
    }
  }
  CHECK(largest > 0.5);
  return worst;
}

template <class Backbone, class Method>
double difference(std::shared_ptr<const Backbone> backbone, Method method) {
  using namespace peft;
  using M = Model<Backbone, Method, LanguageModel>;
  M model(backbone, method, LanguageModel{});
  for (const Field& f : model.layout().fields())
    if (f.role == Role::trained) {
      auto values = model.read(f);
      for (std::size_t i = 0; i < values.size(); ++i) values[i] += 0.3 * rng::normal(rng::combine(3, f.name), i);
      model.write(f, values);
    }
  Engine<M> engine(model, 1);
  engine.prepare();
  RowDecoder<M> decoder(model);
  const auto forward = [&](const std::vector<Continuation>& step) {
    const auto logits = decoder.forward(step);
    return std::vector<double>(logits.begin(), logits.end());
  };
  return difference({Backbone::spec.cross, [&](const Batch& b) { return engine.predict(b); },
                     [&](const std::vector<Ids>& prompts, int first) { decoder.start(prompts, 2, 12, first); }, forward,
                     [&](int from, int to) { decoder.copy(from, to); }});
}

}  // namespace cache
