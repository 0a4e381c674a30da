// SPDX-License-Identifier: Apache-2.0
#include <unistd.h>

#include <string>
#include <thread>

#include <peft/data/in_batches.hpp>
#include <peft/data/loader.hpp>
#include <peft/delta/full.hpp>
#include <peft/text/tokenizer.hpp>
#include <peft/train/evaluate.hpp>

#include "unit/train_tiny.hpp"

using namespace peft;

// Whole runs by several workers, with all that goes on beside them: the bar, evaluations, saved runs, a signal at any
// time.

namespace {

Tokenized sentences(const Tokenizer& tokenizer) {
  Dataset data;
  data.source = "here";
  const char* words[] = {"the film is good", "a dull plot", "bad acting and not very fun", "great"};
  for (int i = 0; i < 48; ++i) data.examples.push_back({words[i % 4], "", static_cast<double>(i % 3)});
  return Tokenized(data, tokenizer, {});
}

/// A bar that is drawn at every step into a text.
ProgressBar bar(std::string& shown) {
  ProgressOptions options;
  options.console = {
      .write = [&shown](std::string_view text) { shown += text; }, .columns = [] { return 80; }, .terminal = true};
  return ProgressBar(options);
}

}  // namespace

TEST_CASE("a run by four workers is that of one", "[threads]") {
  const Tokenizer tokenizer = Tokenizer::open(small::folder());
  const Loader loader(sentences(tokenizer), {.batch = 12, .bucket = 2, .seed = 5});
  std::vector<float> values[2];
  for (const int workers : {1, 4}) {
    const Temporary folder;
    std::string shown;
    small::Trained<> run(workers);
    FitOptions o = small::options();
    o.checkpoint = folder / "run.safetensors";
    o.checkpoint_steps = 3;
    o.on_step = bar(shown);
    run.history = fit(run.engine, loader, o, [&] {
      const auto logits = predict(run.engine, loader.data(), 16);
      return metric::Scores{{}, logits.at(0), "first"};
    });
    CHECK_FALSE(shown.empty());
    values[workers > 1] = run.values();
  }
  CHECK(values[0] == values[1]);
}

TEST_CASE("a signal may come at any time, on any thread", "[threads]") {
  std::signal(SIGINT, [](int) {});  // where it comes too late for a run
  const Temporary folder;
  small::Trained<> whole(3);
  FitOptions o = small::options();
  o.epochs = 6;
  whole.fit(o);
  o.checkpoint = folder / "run.safetensors";
  o.resume = true;
  o.on_warning = [](const std::string&) {};
  int stops = 0;
  for (bool over = false; !over;) {
    small::Trained<> part(3);
    std::jthread other;
    o.on_step = [&](const Progress& now) {
      if (now.step % 9 == 0 && !other.joinable()) other = std::jthread([] { ::kill(::getpid(), SIGINT); });
    };
    part.fit(o);
    if (other.joinable()) other.join();
    over = !part.history.interrupted;
    stops += !over;
    if (over) CHECK(part.values() == whole.values());
  }
  std::signal(SIGINT, SIG_DFL);
  CHECK(stops > 0);
}

TEST_CASE("tables of embeddings are added to in order", "[threads]") {
  using M = Model<Bert<float>, Method<Delta<Full>>>;
  std::vector<float> values[2];
  for (const int workers : {1, 4}) {
    M model(Bert<float>::open(small::folder())->with_dropout(0.1, 0.1, 0.1), {}, Classify{.labels = 3}, 3);
    Engine<M> engine(model, workers, {30, 2});
    FitOptions o = small::options();
    o.epochs = 1;
    fit(engine, small::Sentences{}, o, [] { return metric::Scores{{}, 0, "none"}; });
    values[workers > 1] = {model.buffer().data(), model.buffer().data() + model.buffer().size()};
  }
  CHECK(values[0] == values[1]);
}
