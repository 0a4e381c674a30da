// SPDX-License-Identifier: Apache-2.0
#include <peft/train/evaluate.hpp>

#include <cmath>
#include <vector>

#include "catch.hpp"

using namespace peft;

namespace {

Tokenized tokens(const Dataset& data) { return Tokenized(data, Tokenizer::open(PEFT_TEST_DATA "/tiny-bert"), {}); }

/// Logits that a batch's ids decide alone, a row of n per sequence or per token.
LogitsOf<float> made(std::size_t n, bool by_token) {
  return [=](const Batch& b) {
    std::vector<float> logits;
    const std::size_t rows = by_token ? b.ids.size() : static_cast<std::size_t>(b.sequences());
    for (std::size_t r = 0; r < rows; ++r)
      for (std::size_t k = 0; k < n; ++k) {
        const std::size_t at = by_token ? r : static_cast<std::size_t>(b.offsets[r]) + 1;
        logits.push_back(std::sin(static_cast<float>(b.ids[at]) * static_cast<float>(k + 1)));
      }
    return logits;
  };
}

const char* const words[] = {"good", "bad", "film", "the", "story"};

Dataset examples(int n, int labels, int together = 1) {
  Dataset data;
  data.source = "made here";
  data.together = together;
  data.regression = labels == 1;
  data.labelled = true;
  for (int k = 0; k < labels && labels > 1; ++k) data.label_names.push_back(cat(k));
  for (int i = 0; i < n * together; ++i)
    data.examples.push_back({words[i % 5], "", static_cast<double>(i % 3 % std::max(labels, 2))});
  return data;
}

/// Scores from pieces of `batch` examples; and the examples that the largest of them had.
metric::Scores scored(Scorer scorer, const LogitsOf<float>& logits, const Tokenized& data, std::size_t batch,
                      std::size_t& most) {
  most = 0;
  predict_pieces<float>(
      logits, data,
      [&](const LogitPiece<float>& piece) {
        most = std::max(most, piece.count);
        scorer.add(piece);
      },
      batch);
  return scorer.scores();
}

}  // namespace

TEST_CASE("scores from pieces of logits are those from all at once", "[train]") {
  std::size_t most = 0;
  for (const int labels : {1, 2, 3}) {
    const Dataset data = examples(40, labels);
    const Tokenized dev = tokens(data);
    const auto kind = labels == 1   ? metric::Kind::PearsonSpearman
                      : labels == 2 ? metric::Kind::F1Accuracy
                                    : metric::Kind::Matthews;
    const auto logits = made(static_cast<std::size_t>(labels), false);
    std::vector<double> targets;
    for (std::size_t i = 0; i < dev.size(); ++i) targets.push_back(dev.target(i));
    const auto whole =
        metric::score(kind, decide(predict<float>(logits, dev), static_cast<std::size_t>(labels)), targets);
    const auto parts = scored(Scorer(kind, static_cast<std::size_t>(labels), dev), logits, dev, 7, most);
    CHECK(most == 7);
    CHECK(parts.parts == whole.parts);
    CHECK(parts.main == whole.main);
  }
  // Of choices a row has one logit per sequence.
  const Dataset choices = examples(12, 3, 3);
  const Tokenized dev = tokens(choices);
  const Scorer scorer(metric::Kind::Accuracy, 1, dev);
  const auto parts = scored(scorer, made(1, false), dev, 5, most);
  CHECK(most == 5);
  CHECK(parts.parts == scored(scorer, made(1, false), dev, 64, most).parts);
  CHECK(most == 12);
}

TEST_CASE("tags are scored sentence by sentence", "[train]") {
  Dataset data;
  data.source = "made here";
  data.tagged = data.labelled = true;
  data.label_names = {"O", "B-X", "I-X"};
  for (int i = 0; i < 20; ++i) {
    data.examples.push_back({i % 2 ? "good film" : "the bad story", "", 0});
    data.tags.push_back(i % 2 ? std::vector<std::int32_t>{1, 2} : std::vector<std::int32_t>{0, 1, 0});
  }
  const Tokenized dev = tokens(data);
  std::size_t most = 0;
  const auto whole = scored(Scorer(dev, data), made(3, true), dev, 64, most),
             parts = scored(Scorer(dev, data), made(3, true), dev, 3, most);
  CHECK(most == 3);
  CHECK(whole.parts == parts.parts);
  CHECK(whole.main_name == "entity_f1");
  // Only what has come counts.
  std::size_t rows = 0;
  predict_pieces<float>(
      made(3, true), dev, [&](const LogitPiece<float>& piece) { rows += tags_of(piece, dev, data.label_names).size(); },
      3, 10);
  CHECK(rows == 10);
}

TEST_CASE("the largest difference of two models is that of their worst piece, and a NaN is not lost", "[train]") {
  const Tokenized dev = tokens(examples(200, 3));
  const auto own = made(3, false);
  CHECK(largest_difference(own, own, dev) == 0);
  int batches = 0;
  const auto other = [&](float by) {
    batches = 0;
    return LogitsOf<float>([&, by](const Batch& b) {
      auto logits = own(b);
      if (++batches == 2) logits[4] += by;
      return logits;
    });
  };
  CHECK(std::abs(largest_difference(own, other(0.5f), dev) - 0.5) < 1e-6);
  CHECK(batches > 2);
  CHECK(std::isnan(largest_difference(own, other(std::nanf("")), dev)));
}
