// SPDX-License-Identifier: Apache-2.0
#include "train_tiny.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include <peft/data/loader.hpp>
#include <peft/delta/adalora.hpp>
#include <peft/io/safetensors.hpp>
#include <peft/train/evaluate.hpp>

using namespace peft;
using small::Sentences;
using small::Trained;

namespace {

/// Ranks fall from 4 to 2 in the mean, the last 34 steps train what is left.
struct Budgeted : AdaLoRA<> {
  Budgeted() {
    rank = 4;
    target = 2;
    tinit = 0;
    tfinal = 34;
  }
};

double mean(const std::vector<double>& losses, std::size_t begin, std::size_t end) {
  return std::accumulate(losses.begin() + std::ptrdiff_t(begin), losses.begin() + std::ptrdiff_t(end), 0.) /
         double(end - begin);
}

/// The message of a training run on one spoiled example.
std::string refused(const Encoded& wrong) {
  Sentences data;
  data.spoiled = 30;
  data.wrong = wrong;
  return error_of([&] { Trained<>().fit(small::options(), data); });
}

void poison(Trained<>& run) {
  const Field* f = run.model.find("bert.encoder.layer.1.attention.self.value.lora_B.weight");
  auto values = run.model.read(*f);
  values[3] = std::numeric_limits<float>::quiet_NaN();
  run.model.write(*f, values);
}

}  // namespace

TEST_CASE("training decreases the loss and finds what decides the class", "[train]") {
  FitOptions o = small::options();
  o.epochs = 12;
  o.lr = 2e-2;
  o.patience = 0;
  Trained<> run(2, 0);
  const double before = run.accuracy().main;
  std::int64_t last_step = 0, examples = 0;
  o.on_step = [&](const Progress& p) {
    CHECK(p.step == last_step + 1);
    CHECK(p.total == 12 * 11);
    last_step = p.step;
    examples += p.examples;
  };
  int epochs = 0;
  o.on_epoch = [&](const EpochReport& r) { CHECK(r.epoch == ++epochs); };
  run.fit(o);
  const auto& losses = run.losses();
  REQUIRE(losses.size() == 12 * 11);
  CHECK(mean(losses, 121, 132) < 0.5 * mean(losses, 0, 11));
  CHECK(run.history.epochs.back().dev.main > before + 0.2);
  CHECK(run.history.epochs[0].loss == Approx(mean(losses, 0, 11)));
  CHECK(epochs == 12);
  CHECK(run.history.steps == 132);
  CHECK(run.history.examples == 12 * 62);
  CHECK(run.history.examples == examples);
  CHECK(run.history.seconds > 0);
  CHECK_FALSE(run.history.interrupted);
  CHECK_FALSE(run.history.stopped_early);
}

TEST_CASE("a run is the same for any number of workers, and changes with the seed", "[train]") {
  const FitOptions o = small::options();
  Trained<> one(1);
  one.fit(o);
  for (const int workers : {2, 3}) {
    Trained<> run(workers);
    CHECK(run.engine.workers() == workers);
    run.fit(o);
    CHECK(run.losses() == one.losses());
    CHECK(run.values() == one.values());
  }
  FitOptions other = o;
  other.seed = 12;
  CHECK(Trained<>(2).fit(other).losses() != one.losses());
}

TEST_CASE("batches that are accumulated are one large batch", "[train]") {
  FitOptions o = small::options();
  Trained<> large(2, 0.1);
  large.fit(o, Sentences{62, 18});
  o.accumulate = 3;
  Trained<> parts(2, 0.1);
  parts.fit(o, Sentences{62, 6});
  REQUIRE(parts.losses().size() == large.losses().size());
  for (std::size_t i = 0; i < large.losses().size(); ++i)
    CHECK(parts.losses()[i] == Approx(large.losses()[i]).epsilon(1e-4));
}

TEST_CASE("a gradient is clipped as PyTorch's clip_grad_norm_ does", "[train]") {
  const Temporary folder;
  const Sentences data{6, 6};
  for (const double limit : {0., 0.05, 1e6}) {
    Trained<> run(1, 0);
    run.engine.zero_gradients();
    run.engine.accumulate(data.batch(0, 0), 1. / 6, 0);
    run.engine.finish_gradients();
    const Layout& layout = run.model.layout();
    double squares = 0;
    for (const Field& f : layout.fields())
      for (std::int64_t i = 0; i < f.size(); ++i)
        squares += std::pow(double(run.engine.total().data()[f.offset + i]), 2);
    const double norm = std::sqrt(squares);
    CHECK(run.engine.gradient_norm() == Approx(norm).epsilon(1e-6));
    CHECK(norm > 0.1);
    const std::vector<float> gradient(run.engine.total().data(), run.engine.total().data() + layout.gradient_size());

    FitOptions o;
    o.epochs = 1;
    o.clip = limit;
    o.checkpoint = folder / cat("run", limit, ".safetensors");
    run.fit(o, data);
    // After one step AdamW's first moment is 0.1 of the gradient that it was given.
    const auto m = SafeTensors::open(o.checkpoint).at("adamw.m").values<float>();
    const double factor = limit > 0 ? std::min(1., limit / (norm + 1e-6)) : 1;
    double worst = 0;
    for (std::size_t i = 0; i < m.size(); ++i)
      worst = std::max(worst, std::abs(m[i] - 0.1 * factor * double(gradient[i])));
    CHECK(worst < 1e-6 * factor);
  }
}

TEST_CASE("a head learns at a rate of its own", "[train]") {
  FitOptions o = small::options();
  o.epochs = 1;
  // What the first step changes, with a head that learns `factor` times as fast.
  const auto step = [&](double factor) {
    Trained<> run(1, 0, {30, 2}, factor);
    const std::vector<float> before = run.values(), after = run.fit(o, Sentences{6, 6}).values();
    std::vector<double> change;
    for (std::size_t i = 0; i < before.size(); ++i) change.push_back(double(after[i]) - double(before[i]));
    return std::pair(change, run.model.layout().fields());
  };
  const auto [plain, fields] = step(1);
  const auto faster = step(4).first;
  int heads = 0;
  for (const Field& f : fields) {
    const bool head = f.name.starts_with("classifier.");
    heads += head;
    double most = 0, worst = 0;
    for (auto i = std::size_t(f.offset); i < std::size_t(f.offset + f.size()); ++i) {
      most = std::max(most, std::abs(plain[i]));
      worst = std::max(worst, std::abs(faster[i] - (head ? 4 : 1) * plain[i]));
    }
    INFO(f.name);
    CHECK((most > 1e-4 || f.name.find("lora_A") != f.name.npos));  // B is 0 at first, and so is A's gradient
    CHECK(worst < 1e-6);
  }
  CHECK(heads == 2);
}

TEST_CASE("early stopping keeps the best epoch's values", "[train]") {
  FitOptions o = small::options();
  o.epochs = 9;
  o.patience = 2;
  const double scores[] = {0.5, 0.7, 0.6, 0.7, 0.9};
  std::size_t next = 0;
  std::vector<std::vector<float>> values;
  Trained<> run;
  const History h = fit(run.engine, Sentences{}, o, [&] {
    values.push_back(run.values());
    return metric::Scores{{}, scores[next++], "made up"};
  });
  CHECK(h.stopped_early);
  CHECK_FALSE(h.interrupted);
  REQUIRE(h.epochs.size() == 4);
  CHECK(h.epochs[1].best);
  CHECK_FALSE(h.epochs[3].best);
  CHECK(run.values() == values[1]);
  CHECK(run.values() != values[3]);
}

TEST_CASE("early stopping does not count epochs before a budget is met", "[train]") {
  FitOptions o = small::options();
  o.epochs = 6;
  o.patience = 1;
  const double scores[] = {0.9, 0.8, 0.5, 0.6, 0.5, 0.7};
  std::size_t next = 0;
  std::vector<std::vector<float>> values;
  Trained<Method<Delta<Budgeted, At<Query, Value>>>> run;
  const History h = fit(run.engine, Sentences{}, o, [&] {
    values.push_back(run.values());
    return metric::Scores{{}, scores[next++], "made up"};
  });
  // 66 steps, the budget met after 32: the third epoch is the first that counts, the fourth the best.
  REQUIRE(h.epochs.size() == 5);
  CHECK(h.stopped_early);
  std::vector<bool> best;
  for (const EpochReport& e : h.epochs) best.push_back(e.best);
  CHECK(best == std::vector<bool>{false, false, true, true, false});
  CHECK(run.values() == values[3]);
  int kept = 0;
  for (const Field& f : run.model.layout().fields())
    if (f.name.ends_with(".lora_E"))
      for (const float e : run.model.read(f)) kept += e != 0;
  CHECK(kept == 2 * static_cast<int>(run.model.attached().placement(0).modules.size()));
}

TEST_CASE("a loss that is no number ends the run and leaves the checkpoint", "[train]") {
  const Temporary folder;
  FitOptions o = small::options();
  SECTION("a broken weight") {
    Trained<> run;
    poison(run);
    const std::string message = error_of([&] { run.fit(o); });
    CHECK(lacks(message, {"the loss is nan at step 1 of 22", "nothing of this step was applied",
                          "lora_B.weight holds nan at row 0, column 3 of (32, 4)"}) == "");
    CHECK(message.find("learning rate") == std::string::npos);  // none was used yet
  }
  SECTION("values break while a checkpoint is there") {
    o.checkpoint = folder / "run.safetensors";
    o.checkpoint_steps = 1;
    for (const bool every_step : {true, false}) {
      o.checkpoint_steps = every_step ? 1 : 3;
      Trained<> run;
      std::string before;
      o.on_step = [&](const Progress& p) {
        if (p.step != 4) return;
        before = get(o.checkpoint);
        poison(run);
      };
      const std::string message = error_of([&] { run.fit(o); });
      CHECK(lacks(message, {every_step ? "no longer finite after step 4" : "the loss is nan at step 5", "learning rate",
                            "run.safetensors"}) == "");
      CHECK(before.size() > 1000);
      CHECK(get(o.checkpoint) == before);
    }
  }
  SECTION("a learning rate out of all measure") {
    o.lr = 1e30;
    CHECK(lacks(error_of([&] { Trained<>().fit(o); }), {"Try a smaller learning rate (now 1e+30)"}) == "");
  }
}

TEST_CASE("what is asked before a save keeps it from being made", "[train]") {
  const Temporary folder;
  FitOptions o = small::options();
  o.checkpoint = folder / "run.safetensors";
  o.checkpoint_steps = 2;
  int asked = 0;
  std::string before;
  o.before_save = [&] {
    if (++asked == 3) fail("the weights changed");
  };
  o.on_step = [&](const Progress& p) {
    if (p.step == 6) before = get(o.checkpoint);
  };
  CHECK(error_of([&] { Trained<>().fit(o); }) == "the weights changed");
  CHECK(asked == 4);  // once more after any failure, whose cause a change may be
  CHECK(before.size() > 1000);
  CHECK(get(o.checkpoint) == before);
  o.checkpoint.clear();  // the end of an epoch asks too where nothing is saved
  asked = 0;
  CHECK(error_of([&] { Trained<>().fit(o); }) == "the weights changed");
}

TEST_CASE("wrong examples are refused in words", "[train]") {
  CHECK(lacks(refused({{2, 7, 3}, {0, 0, 0}, 3}), {"example 30", "label 3 is out of range", "0 to 2"}) == "");
  CHECK(lacks(refused({{2, 7, 3}, {0, 0, 0}, -1}), {"example 30", "label -1 is out of range"}) == "");
  CHECK(lacks(refused({{2, 7, 3}, {0, 0, 0}, 0.5}), {"example 30", "label 0.5 is out of range"}) == "");
  CHECK(lacks(refused({{2, 7, 3}, {0, 0, 0}, std::nan("")}), {"example 30", "label nan"}) == "");
  CHECK(lacks(refused({{2, 96, 3}, {0, 0, 0}, 0}), {"token id 96", "vocabulary of 96", "tokenizer"}) == "");
  CHECK(lacks(refused({{2, -1, 3}, {0, 0, 0}, 0}), {"token id -1"}) == "");
  CHECK(lacks(refused({{2, 7, 3}, {0, 2, 0}, 0}), {"segment type 2", "2 types"}) == "");
  CHECK(lacks(refused({{}, {}, 0}), {"is empty"}) == "");
  const std::vector<std::int32_t> many(49, 7), zeros(49, 0);
  CHECK(lacks(refused({many, zeros, 0}), {"49 tokens", "48 positions", "max_length"}) == "");
}

TEST_CASE("impossible training options are refused in words", "[train]") {
  const auto message = [](auto&& change) {
    FitOptions o = small::options();
    change(o);
    return error_of([&] { Trained<>().fit(o); });
  };
  CHECK(lacks(message([](FitOptions& o) { o.epochs = -1; }), {"epochs = -1"}) == "");
  CHECK(lacks(message([](FitOptions& o) { o.accumulate = 0; }), {"accumulate = 0"}) == "");
  CHECK(lacks(message([](FitOptions& o) { o.lr = std::nan(""); }), {"lr = nan"}) == "");
  CHECK(lacks(message([](FitOptions& o) { o.warmup = 1.5; }), {"warm-up is 1.5"}) == "");
  CHECK(lacks(message([](FitOptions& o) { o.patience = -2; }), {"patience is -2"}) == "");
}

TEST_CASE("sentences go through tokenizer, loader, training and evaluation", "[train]") {
  Dataset data;
  data.source = "made here";
  data.label_names = {"0", "1", "2"};
  const char* words[] = {"good", "bad", "film"};
  for (int i = 0; i < 60; ++i) {
    std::string text = words[i % 3];
    for (int k = 0; k < 1 + i % 7; ++k) text += k % 2 ? " story" : " the";
    data.examples.push_back({text, "", static_cast<double>(i % 3)});
  }
  const Tokenizer tokenizer = Tokenizer::open(small::folder());
  TokenizeOptions cut;
  cut.max_length = 40;
  cut.model_max_length = 48;
  const Tokenized dev(data, tokenizer, cut);
  LoaderOptions batches;
  batches.batch = 8;
  batches.bucket = 2;
  const Loader loader(Tokenized(data, tokenizer, cut), batches);

  Trained<> run(2, 0);
  FitOptions o = small::options();
  o.epochs = 8;
  o.patience = 0;
  o.lr = 2e-2;
  const double before = evaluate(run.engine, dev, metric::Kind::Accuracy).main;
  const History h = fit(run.engine, loader, o, [&] { return evaluate(run.engine, dev, metric::Kind::Accuracy); });
  CHECK(h.steps == 8 * 8);
  CHECK(h.epochs.back().dev.main > 0.95);
  CHECK(before < 0.7);
  CHECK(h.tokens == std::int64_t(8 * dev.tokens()));

  // Evaluation is by example, whatever the batches, and without dropout.
  const auto whole = predict(run.engine, dev, 64), parts = predict(run.engine, dev, 7);
  REQUIRE(whole.size() == 180);
  double worst = 0;
  for (std::size_t i = 0; i < whole.size(); ++i) worst = std::max(worst, double(std::abs(whole[i] - parts[i])));
  CHECK(worst < 1e-5);
  CHECK(decide(std::vector<float>{1, 3, 2, NAN, 0, 0}, 3)[0] == 1);
  CHECK(std::isnan(decide(std::vector<float>{1, 3, 2, NAN, 0, 0}, 3)[1]));
}
