// SPDX-License-Identifier: Apache-2.0
#include <peft/data/in_batches.hpp>
#include <peft/data/tokenized.hpp>
#include <peft/model/text_search.hpp>
#include <peft/text/tokenizer.hpp>

#include "train_tiny.hpp"

using namespace peft;

// Where Ctrl-C stops what is no training step.

namespace {

/// Words for ever, and Ctrl-C at the third.
struct Endless : TextDecoder<double> {
  int told = 0;
  std::vector<double> logits;
  void start(std::span<const std::vector<std::int32_t>>, int, Extent, Extent) override { told = 0; }
  std::span<const double> forward(std::span<const Continuation> texts) override {
    if (++told == 3) std::raise(SIGINT);
    return logits = std::vector<double>(texts.size() * 32, 0.);
  }
  void copy(int, int) override {}
};

}  // namespace

TEST_CASE("an evaluation is left between two batches, and is the first thing of the run that is resumed",
          "[train][interrupt]") {
  std::signal(SIGINT, SIG_DFL);
  const Temporary folder;
  FitOptions o = small::options();
  o.epochs = 2;
  small::Trained<> whole;
  whole.fit(o);
  o.checkpoint = folder / "run.safetensors";
  for (const int stopped : {1, 2}) {  // the epoch; the last one ends the run otherwise
    o.resume = false;
    small::Trained<> first, rest;
    int evaluations = 0, batches = 0;
    first.history = fit(first.engine, small::Sentences{}, o, [&] {
      const bool now = ++evaluations == stopped;
      in_batches(
          40, 8, [](Batch&, std::size_t) {},
          [&](const Batch&, std::size_t begin) {
            batches += now;
            if (now && begin == 16) std::raise(SIGINT);
          });
      return first.accuracy();
    });
    CHECK(batches == 3);
    CHECK(first.history.interrupted);
    CHECK(first.history.steps == 11 * stopped);
    CHECK(first.history.epochs.size() == static_cast<std::size_t>(stopped - 1));
    o.resume = true;
    rest.fit(o);
    CHECK_FALSE(rest.history.interrupted);
    CHECK(rest.values() == whole.values());
    CHECK(small::same_epochs(rest.history, whole.history));
  }
}

TEST_CASE("texts are left between two words", "[train][interrupt]") {
  std::signal(SIGINT, SIG_DFL);
  const Interrupt interrupt(nullptr);
  const std::vector<std::vector<std::int32_t>> prompts{{1, 2}, {3}};
  for (const int beams : {1, 4}) {
    const Interrupt again(nullptr);
    Endless words;
    TextSearch<double> search(words);
    CHECK_THROWS_AS(search(prompts, {.max_new_tokens = 1000, .beams = beams}, {.vocabulary = 32, .positions = 2000}),
                    Interrupted);
    CHECK(words.told == (beams == 1 ? 3 : 0));  // the second search finds it asked for
  }
}

TEST_CASE("texts are cut into tokens one by one", "[train][interrupt]") {
  std::signal(SIGINT, SIG_DFL);
  const Tokenizer tokenizer = Tokenizer::open(small::folder());
  Dataset data;
  data.source = "here";
  data.examples = {{"the film", "", 0}, {"a plot", "", 1}};
  const auto cut = [&] { return Tokenized(data, tokenizer, {}).size(); };
  {
    const Interrupt interrupt(nullptr);
    CHECK(cut() == 2);
    std::raise(SIGINT);
    CHECK_THROWS_AS(cut(), Interrupted);
  }
  CHECK(cut() == 2);  // asked for, and over
}
