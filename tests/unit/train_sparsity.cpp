// SPDX-License-Identifier: Apache-2.0
#include <peft/io/peft_load.hpp>
#include <peft/train/sparsity_schedule.hpp>

#include "train_tiny.hpp"

using namespace peft;
using small::Sentences;

namespace {

using Sora = SoRA<4, ConstantXi>;
using Run = small::Trained<Sora>;

SparsitySchedule schedule(double later_lr = -1) {
  SparsitySchedule s;
  s.first = 0;
  s.last = 0.03;
  s.steps = 4;
  s.epochs = 1;
  s.later_lr = later_lr;
  return s;
}

FitOptions options() {
  FitOptions o = small::options();
  o.patience = 0;
  return o;
}

std::vector<SparsityStep> follow(Run& run, const SparsitySchedule& s, const FitOptions& o = options(),
                                 const SparsityCallbacks<FitOptions>& callbacks = {}) {
  const auto score = [&] { return run.accuracy(); };
  return fit_sparsity_schedule(run.engine, Sentences{}, o, s, score, score, callbacks);
}

std::vector<float> read(const Run& run, const char* end) {
  std::vector<float> all;
  for (const Field& f : run.model.layout().fields())
    if (f.name.ends_with(end))
      for (const float x : run.model.read(f)) all.push_back(x);
  return all;
}

}  // namespace

TEST_CASE("a sparsity schedule: the values of xi", "[train]") {
  SparsitySchedule s;
  const auto paper = s.values();
  REQUIRE(paper.size() == 7);
  for (int k = 0; k < 7; ++k) CHECK(paper[std::size_t(k)] == Approx(1e-4 * (k + 1)));
  s.first = 1;
  s.last = 4;
  s.steps = 3;
  CHECK(s.values() == std::vector<double>{1, 2.5, 4});
  s.path = XiPath::log_linear;
  CHECK(s.values()[1] == Approx(std::log((std::exp(1.) + std::exp(4.)) / 2)));
  CHECK(s.values()[2] == Approx(4));
  s.path = XiPath::exp_linear;
  CHECK(s.values()[1] == Approx(2));
  s.first = 0;
  CHECK(error_of([&] { s.values(); }).find("exp-linear") != std::string::npos);
  s.path = XiPath::linear;
  s.last = -1;
  CHECK(error_of([&] { s.values(); }).find("from xi = 0 to -1") != std::string::npos);
  s.last = 1;
  s.steps = 0;
  CHECK(error_of([&] { s.values(); }).find("0 steps") != std::string::npos);
}

TEST_CASE("a sparsity schedule keeps the pruned model of every step and counts what is left", "[train]") {
  const Temporary folder;
  SparsitySchedule s = schedule();
  s.folder = folder / "steps";
  s.base_model = "some/base";
  Run run(2, 0);
  std::vector<double> told;
  const auto curve = follow(run, s, options(), {.before = [&](int, double xi, FitOptions&) { told.push_back(xi); }});
  CHECK(told == s.values());
  REQUIRE(curve.size() == 4);
  REQUIRE(curve[0].ranks.size() == 18);
  CHECK(curve[0].kept() == 18 * 4);
  CHECK(curve[0].parameters() == 3 * 4 * (4 * (32 + 32) + 2 * (32 + 64)));
  CHECK(curve[0].history.epochs.size() == 2);
  CHECK(curve[3].history.epochs.size() == 1);
  CHECK(history_of(curve).epochs.back().epoch == 5);
  CHECK(history_of(curve).losses.size() == 55);
  for (std::size_t k = 1; k < curve.size(); ++k) CHECK(curve[k].parameters() < curve[k - 1].parameters());
  CHECK(curve[3].kept() > 0);

  // Each folder holds the model of its step.
  for (const SparsityStep& step : curve) {
    const PeftLora saved = load_peft_lora(folder / "steps" / cat("step-", step.step));
    CHECK(saved.base_model == "some/base");
    std::int64_t numbers = 0;
    int ranks = 0;
    for (const LoraModule& m : saved.modules) {
      numbers += static_cast<std::int64_t>(m.A.size() + m.B.size());
      ranks += m.rank;
    }
    CHECK(ranks == step.kept());
    CHECK(numbers == step.parameters());
  }

  const std::string table = sparsity_table(curve);
  CHECK(table.starts_with("step\txi\tparameters\tranks\ttrain\tdev\tbert.encoder.layer.0.attention.self.query\t"));
  CHECK(std::count(table.begin(), table.end(), '\n') == 5);
  CHECK(std::count(table.begin(), table.end(), '\t') == 5 * 23);
  CHECK(table.find(cat("\n3\t0.03\t", curve[3].parameters(), "\t", curve[3].kept(), "\t",
                       exact(curve[3].train.main))) != std::string::npos);
}

TEST_CASE("a sparsity schedule with no later learning rate only shrinks gates, as the released code", "[train]") {
  const SparsitySchedule s = schedule(0);
  Run run(1, 0);
  std::vector<std::vector<float>> gates, B;
  follow(run, s, options(), {.after = [&](const SparsityStep&) {
           gates.push_back(read(run, ".lora_g"));
           B.push_back(read(run, ".lora_B.weight"));
         }});
  REQUIRE(gates.size() == 4);
  CHECK(B[0] == B[3]);
  const float total = 11 * 0.01f + 11 * 0.02f + 11 * 0.03f;  // a step has 11 batches
  for (std::size_t i = 0; i < gates[0].size(); ++i)
    CHECK(gates[3][i] == Approx(std::copysign(std::max(std::abs(gates[0][i]) - total, 0.f), gates[0][i])).margin(1e-5));
}

TEST_CASE("a sparsity schedule that is stopped and resumed is the one that was never stopped", "[train][resume]") {
  const Temporary folder;
  FitOptions o = options();
  Run whole(1);
  const auto wanted = follow(whole, schedule(), o);

  o.checkpoint = folder / "run.safetensors";
  std::int64_t steps = 0;
  o.on_step = [&](const Progress&) {
    if (++steps == 22 + 11 + 4) std::raise(SIGINT);  // in the third step
  };
  Run first(1);
  const auto begun = follow(first, schedule(), o);
  REQUIRE(begun.size() == 3);
  CHECK(begun[2].history.interrupted);
  CHECK(history_of(begun).interrupted);

  o.on_step = {};
  o.resume = true;
  Run rest(1);
  const auto curve = follow(rest, schedule(), o);
  REQUIRE(curve.size() == 4);
  CHECK(rest.values() == whole.values());
  CHECK(sparsity_table(curve) == sparsity_table(wanted));
  CHECK(history_of(curve).losses == history_of(wanted).losses);
  CHECK(history_of(curve).examples == history_of(wanted).examples);
}
