// SPDX-License-Identifier: Apache-2.0
#include <peft/data/tokenized_pairs.hpp>
#include <peft/model/llama.hpp>
#include <peft/task/language_model.hpp>
#include <peft/train/evaluate_text.hpp>

#include <set>
#include <string>
#include <vector>

#include "golden.hpp"

using namespace peft;

namespace {

using M = Model<Llama<float>, Method<>, LanguageModel>;

std::string numbers(std::span<const std::int32_t> ids) {
  std::string text;
  for (const std::int32_t id : ids) text += (text.empty() ? "" : " ") + std::to_string(id);
  return text;
}
/// Prompts of different lengths, not in order of them, and how each goes on by itself, without its end.
struct Written {
  M model{Llama<float>::open(golden::folder("tiny-llama")), {}, {}};
  GenerateOptions options{.max_new_tokens = 12, .eos = {}, .prompts = 2};
  PairDataset data{"made up", "dev", {}, true, {}};
  std::vector<std::string> alone;

  TokenizedPairs tokenized() const {
    static const Tokenizer tokenizer = Tokenizer::open(golden::folder("tiny-bert"));
    CausalOptions causal;
    causal.vocabulary = model.backbone().vocabulary();
    return TokenizedPairs::causal(data, tokenizer, causal);
  }
  Written() {
    for (const char* source : {"the story is dull", "good film", "a very very fun film", "bad", "not bad"})
      data.pairs.push_back({source, "good", {"x"}});
    const auto pairs = tokenized();
    const auto prompt = [&](std::size_t i) {
      return std::vector<std::vector<std::int32_t>>{{pairs.prompt(i).begin(), pairs.prompt(i).end()}};
    };
    options.eos = {generate(model, prompt(2), options)[0][4]};  // ends the third text, at its fifth token or before
    for (std::size_t i = 0; i < pairs.size(); ++i) {
      auto ids = generate(model, prompt(i), options)[0];
      if (ids.back() == options.eos[0]) ids.pop_back();
      alone.push_back(numbers(ids));
    }
  }
};

}  // namespace

TEST_CASE("texts are written in the order of the data, without their ends", "[generate]") {
  Written w;
  const auto texts = write_texts(w.model, w.tokenized(), w.options, numbers);
  CHECK(texts == w.alone);
  CHECK(std::set<std::string>(texts.begin(), texts.end()).size() == texts.size());
  CHECK(texts[2].size() < texts[0].size());
}

TEST_CASE("a model's texts are scored against the references", "[generate]") {
  Written w;
  Engine<M> engine(w.model, 1);
  for (const std::size_t right : {0, 2, 3}) w.data.pairs[right].references = {"nothing", w.alone[right]};
  const auto scores = evaluate_text(engine, w.tokenized(), w.options, numbers);
  REQUIRE(scores.parts.size() == 3);
  CHECK(scores.parts[2].first == "exact_match");
  CHECK(scores.parts[2].second == Approx(0.6));
  CHECK(scores.parts[1].second >= 0.6);
  CHECK(scores.main == scores.parts[0].second);
  CHECK(scores.main > 0);
  for (std::size_t i = 0; i < w.alone.size(); ++i) w.data.pairs[i].references = {w.alone[i]};
  for (const auto& part : evaluate_text(engine, w.tokenized(), w.options, numbers).parts)
    CHECK(part.second == Approx(1));
}

TEST_CASE("answers in words are scored as classes", "[generate]") {
  Written w;
  Engine<M> engine(w.model, 1);
  const auto texts = write_texts(w.model, w.tokenized(), w.options, numbers);
  // The first text says "positive", the second something else, the others "negative".
  const auto decode = [&](std::span<const std::int32_t> ids) {
    const std::string text = numbers(ids);
    return std::string(text == texts[0] ? "positive" : text == texts[1] ? "who knows" : " negative ");
  };
  const GlueText sst2 = glue_text("sst2");
  const std::vector<double> labels{1, 0, 0, 1, 0};
  const auto scores = evaluate_text(engine, w.tokenized(), w.options, decode, sst2, labels);
  CHECK(scores.main_name == "accuracy");
  CHECK(scores.main == Approx(0.6));
  CHECK_THROWS_AS(evaluate_text(engine, w.tokenized(), w.options, decode, sst2, std::span(labels).first(3)), Error);
}
