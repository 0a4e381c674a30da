// SPDX-License-Identifier: Apache-2.0
#include <peft/delta/p_tuning.hpp>
#include <peft/delta/prompt.hpp>

#include "whole.hpp"

using namespace peft;

namespace {

PTuning encoded(PTuning::Encoder encoder, int layers = 2) {
  PTuning p;
  p.length = 3;
  p.inner = 4;
  p.encoder = encoder;
  p.lstm_layers = layers;
  return p;
}

template <class D>
auto made(D delta, std::uint64_t seed = 42) {
  using M = Model<Bert<double>, Method<Delta<D>>>;
  return std::make_unique<M>(tiny::bert(), Method<Delta<D>>(Delta<D>{delta}), Classify{2}, seed);
}

}  // namespace

TEST_CASE("prompt tuning: gradients") {
  Prompt p;
  p.length = 3;
  whole::check_alone(p);
  whole::check(Method<Delta<Prompt>>(Delta<Prompt>{p}));
  whole::check<ClassifyMean>(Method<Delta<Prompt>>(Delta<Prompt>{p}));
}

TEST_CASE("P-tuning: gradients of its encoders") {
  using enum PTuning::Encoder;
  for (const PTuning& p : {encoded(lstm), encoded(lstm, 1), encoded(lstm, 3), encoded(mlp), encoded(none)})
    whole::check_alone(p);
  PTuning one = encoded(lstm);
  one.length = 1;  // no step has one before it
  whole::check_alone(one);
  for (const PTuning& p : {encoded(lstm), encoded(mlp)}) whole::check(Method<Delta<PTuning>>(Delta<PTuning>{p}));
}

TEST_CASE("prompt tuning and P-tuning: trained numbers") {
  const std::int64_t n = 3, h = 4, d = 12, head = 2 * (d + 1);
  Prompt p;
  p.length = 3;
  CHECK(made(p)->trainable() == n * d + head);
  using enum PTuning::Encoder;
  CHECK(made(encoded(none))->trainable() == n * d + head);
  CHECK(made(encoded(mlp))->trainable() == n * d + h * (d + 1) + h * (h + 1) + d * (h + 1) + head);
  for (const std::int64_t layers : {1, 2, 3})
    CHECK(made(encoded(lstm, static_cast<int>(layers)))->trainable() ==
          n * d + 8 * h * (d + h + 2) + (layers - 1) * 8 * h * (3 * h + 2) + 2 * h * (2 * h + 1) + d * (2 * h + 1) +
              head);
}

TEST_CASE("prompt tuning: rows begin as words") {
  const auto row_of = [](const auto& model, int i) {
    const auto all = model.read(*model.find("bert.embeddings.prompt"));
    return std::vector<double>(all.begin() + 12 * i, all.begin() + 12 * (i + 1));
  };
  const auto word = [](const auto& model, int id) {
    const double* row = slice(model.backbone().template weights<Site::word_table>(-1).w, id, id + 1).data();
    return std::vector<double>(row, row + 12);
  };
  Prompt p;
  p.length = 5;
  p.tokens = {7, 3, 19};
  const auto text = made(p);
  for (int i = 0; i < 5; ++i) CHECK(row_of(*text, i) == word(*text, p.tokens[static_cast<std::size_t>(i) % 3]));

  p.tokens.clear();
  const auto drawn = made(p), other = made(p, 43);
  std::vector<int> ids, others;
  for (int i = 0; i < 5; ++i)
    for (int id = 0; id < 20; ++id) {
      if (row_of(*drawn, i) == word(*drawn, id)) ids.push_back(id);
      if (row_of(*other, i) == word(*other, id)) others.push_back(id);
    }
  CHECK(ids.size() == 5);
  CHECK(others.size() == 5);
  CHECK(ids != others);

  p.tokens = {20};  // of 20 words
  CHECK_THROWS_AS(made(p), Error);
  p.tokens.clear();
  p.begin = Prompt::Begin::uniform;
  for (const double v : row_of(*made(p), 4)) CHECK(std::abs(v) <= 0.5);
  p.begin = Prompt::Begin::normal;
  double largest = 0;
  for (int i = 0; i < 5; ++i)
    for (const double v : row_of(*made(p), i)) largest = std::max(largest, std::abs(v));
  CHECK(largest > 1);
}

TEST_CASE("prompt tuning: virtual tokens and the text share the backbone's positions") {
  Prompt p;
  p.length = 70;  // of 80
  const auto model = made(p);
  Engine engine(*model, 1);
  engine.prepare();
  CHECK(engine.predict(tiny::batch({10}, 2)).size() == 2);
  CHECK_THROWS_AS(engine.predict(tiny::batch({11}, 2)), Error);
  CHECK_THROWS_AS(engine.plan(1, 11, true), Error);
}
