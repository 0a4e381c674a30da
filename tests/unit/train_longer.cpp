// SPDX-License-Identifier: Apache-2.0
#include <csignal>

#include "train_tiny.hpp"

using namespace peft;
using small::same_report;
using small::Trained;

namespace {

/// A run with the rate of each of its steps.
struct Rated {
  Trained<> run{1};
  std::vector<double> rates;
  std::vector<std::string> notes;

  Rated(FitOptions o, std::int64_t stop = 0) {
    o.on_step = [&](const Progress& p) {
      rates.push_back(p.lr);
      if (p.step == stop) std::raise(SIGINT);
    };
    o.on_note = [&](const std::string& text) { notes.push_back(text); };
    run.fit(o);
  }
};

}  // namespace

TEST_CASE("a run of a constant rate that goes on to more epochs is the longer run", "[train][resume]") {
  const Temporary folder;
  FitOptions o = small::options();
  o.schedule = ScheduleKind::Constant;
  o.warmup = 3;
  o.epochs = 2;
  const Rated whole(o);
  o.checkpoint = folder / "run.safetensors";
  o.epochs = 1;
  const Rated first(o);
  o.epochs = 2;
  o.resume = true;
  const Rated rest(o);
  CHECK(rest.run.values() == whole.run.values());
  CHECK(same_report(rest.run.history, whole.run.history));
}

TEST_CASE("steps that are done keep their rates, the rest follows the schedule of the longer run", "[train][resume]") {
  const Temporary folder;
  const ScheduleKind kind = GENERATE(ScheduleKind::Linear, ScheduleKind::Cosine);
  FitOptions o = small::options();
  o.schedule = kind;
  o.warmup = 0.2;
  o.epochs = 1;
  o.checkpoint = folder / "run.safetensors";
  const std::int64_t short_run = small::Sentences{}.steps(0), long_run = 3 * short_run;
  const Schedule before{kind, short_run / 5, short_run}, after{kind, long_run / 5, long_run};
  const std::int64_t stop = GENERATE(4, 11);  // in the middle, and at the end
  const Rated first(o, stop);
  o.epochs = 3;
  o.resume = true;
  const std::filesystem::path copy = folder / "copy.safetensors";
  std::filesystem::copy_file(o.checkpoint, copy);

  const Rated rest(o);
  std::vector<double> rates = first.rates, expected;
  rates.insert(rates.end(), rest.rates.begin(), rest.rates.end());
  for (std::int64_t i = 0; i < long_run; ++i) expected.push_back(o.lr * (i < stop ? before : after).factor(i));
  CHECK(rates == expected);
  REQUIRE(rest.notes.size() == 1);
  CHECK(lacks(rest.notes[0], {"3 epochs instead of 1", cat(stop, " of ", long_run, " steps"), name(kind)}) == "");
  CHECK(rest.run.history.epochs.size() == 3);

  // Stopped again, it goes on bit for bit, and that is no change of the length.
  o.checkpoint = copy;
  const Rated part(o, stop + 6);
  const Rated end(o);
  CHECK(part.run.history.interrupted);
  CHECK(end.notes.empty());
  CHECK(end.run.losses() == rest.run.losses());
  CHECK(end.run.values() == rest.run.values());
}

TEST_CASE("a run is not made shorter", "[train][resume]") {
  const Temporary folder;
  FitOptions o = small::options();
  o.checkpoint = folder / "run.safetensors";
  const Rated whole(o);
  o.resume = true;
  o.epochs = 1;
  CHECK(lacks(error_of([&] { Rated{o}; }), {"epochs: now 1, then 2", "--epochs may be more"}) == "");
}
