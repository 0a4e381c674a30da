// SPDX-License-Identifier: Apache-2.0
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <thread>
#include <utility>

#include <peft/io/safetensors.hpp>
#include <peft/optim/sgd.hpp>

#include "train_tiny.hpp"

using namespace peft;
using small::same_epochs;
using small::same_report;
using small::Sentences;
using small::Trained;

namespace {

/// Trains until Ctrl-C is pressed in the given step.
template <class Method>
Trained<Method>& interrupted(Trained<Method>& run, FitOptions o, std::int64_t step, const Sentences& data = {}) {
  o.on_step = [=](const Progress& p) {
    if (p.step == step) std::raise(SIGINT);
  };
  return run.fit(o, data);
}

/// A run of 11 batches an epoch, stopped in `step` and resumed by other workers, is the run that was never stopped.
template <class Method>
void check_resume(std::int64_t step, int accumulate, int before, int after) {
  const Temporary folder;
  FitOptions o = small::options();
  o.accumulate = accumulate;
  o.epochs = 3;
  Trained<Method> whole(2);
  whole.fit(o);
  o.checkpoint = folder / "run.safetensors";
  Trained<Method> first(before);
  interrupted(first, o, step);
  REQUIRE(first.history.interrupted);
  CHECK(first.history.steps == step);
  CHECK(first.values() != whole.values());

  o.resume = true;
  std::vector<std::string> warnings;
  o.on_warning = [&](const std::string& text) { warnings.push_back(text); };
  Trained<Method> rest(after);
  rest.fit(o);
  CHECK(warnings.empty());
  CHECK(rest.values() == whole.values());
  CHECK(same_report(rest.history, whole.history));
  CHECK(rest.history.seconds > first.history.seconds);
  CHECK(rest.history.cpu_seconds > first.history.cpu_seconds);
  CHECK_FALSE(rest.history.interrupted);
}

FitOptions saving(const std::filesystem::path& file) {
  FitOptions o = small::options();
  o.checkpoint = file;
  o.checkpoint_steps = 1;
  return o;
}

/// A file with a run of `steps` steps in it.
void make_checkpoint(const std::filesystem::path& file, std::int64_t steps = 4) {
  Trained<> run(1);
  interrupted(run, saving(file), steps);
}

/// The message with which a run of these options refuses to go on.
std::string refused(FitOptions o) {
  o.resume = true;
  return error_of([&] { Trained<>(1).fit(o); });
}

}  // namespace

TEST_CASE("a run stopped in the middle of an epoch goes on bit for bit", "[train][resume]") {
  for (const int before : {1, 2, 3})
    for (const int after : {1, 2, 3}) {
      INFO(before << " workers, then " << after);
      check_resume<small::Lora>(14, 1, before, after);
    }
}

TEST_CASE("a run goes on from any place, with accumulation, for SoRA too", "[train][resume]") {
  for (const std::int64_t step : {1, 10, 11, 12, 23}) check_resume<small::Lora>(step == 11 ? 13 : step, 1, 2, 3);
  for (const std::int64_t step : {1, 3, 6}) check_resume<small::Lora>(step, 3, 1, 2);
  check_resume<small::Sora>(14, 1, 2, 1);
  check_resume<small::Sora>(5, 3, 3, 2);
}

TEST_CASE("a run of another optimizer goes on bit for bit, and AdamW does not take it over", "[train][resume]") {
  const Temporary folder;
  FitOptionsWith<SGD> o;
  o.epochs = 2;
  o.lr = 0.5;
  o.optimizer.weight_decay = 0.1;
  Trained<> whole(2);
  whole.fit(o);
  CHECK(whole.losses().back() < whole.losses().front());
  o.checkpoint = folder / "run.safetensors";
  Trained<> first(2);
  o.on_step = [&](const Progress& p) {
    if (p.step == 14) std::raise(SIGINT);
  };
  first.fit(o);
  CHECK(first.history.interrupted);
  o.on_step = {};
  o.resume = true;
  Trained<> rest(1);
  rest.fit(o);
  CHECK(rest.values() == whole.values());

  FitOptions other = small::options();
  other.checkpoint = o.checkpoint;
  CHECK(lacks(refused(other), {"optimizer: now AdamW, then SGD"}) == "");
}

TEST_CASE("Ctrl-C in the last step of an epoch finishes the epoch, evaluates and saves", "[train][resume]") {
  const Temporary folder;
  FitOptions o = small::options();
  o.epochs = 3;
  Trained<> whole;
  whole.fit(o);
  o.checkpoint = folder / "run.safetensors";
  Trained<> first;
  interrupted(first, o, 11);
  CHECK(first.history.interrupted);
  REQUIRE(first.history.epochs.size() == 1);
  o.resume = true;
  Trained<> rest;
  rest.fit(o);
  CHECK(rest.values() == whole.values());
  CHECK(same_report(rest.history, whole.history));

  // In the very last step there is nothing left to stop.
  o.resume = false;
  Trained<> last;
  interrupted(last, o, 33);
  CHECK_FALSE(last.history.interrupted);
  CHECK(last.values() == whole.values());

  // A finished run that is resumed does nothing and ends the same.
  o.resume = true;
  Trained<> again;
  again.fit(o);
  CHECK(again.values() == whole.values());
  CHECK(same_report(again.history, last.history));
  CHECK(again.history.seconds == last.history.seconds);
  CHECK(again.history.cpu_seconds == last.history.cpu_seconds);
}

TEST_CASE("a run without a checkpoint stops too, and the handlers are put back", "[train][resume]") {
  struct sigaction before {
  }, after{};
  sigaction(SIGINT, nullptr, &before);
  Trained<> run;
  interrupted(run, small::options(), 3);
  CHECK(run.history.interrupted);
  CHECK(run.losses().size() == 3);
  sigaction(SIGINT, nullptr, &after);
  CHECK(after.sa_handler == before.sa_handler);
}

TEST_CASE("the best epoch is kept over an interruption", "[train][resume]") {
  const Temporary folder;
  const double scores[] = {0.4, 0.9, 0.3, 0.2, 0.1, 0.95};
  std::vector<std::vector<float>> seen;
  const auto run = [&](FitOptions o, Trained<>& model) {
    return fit(model.engine, Sentences{}, o, [&] {
      const auto now = model.values();
      if (std::find(seen.begin(), seen.end(), now) == seen.end()) seen.push_back(now);
      return metric::Scores{{{"made up", scores[seen.size() - 1]}}, scores[seen.size() - 1], "made up"};
    });
  };
  FitOptions o = small::options();
  o.epochs = 6;
  o.patience = 3;
  Trained<> whole;
  const History wanted = run(o, whole);
  REQUIRE(wanted.stopped_early);
  REQUIRE(wanted.epochs.size() == 5);
  CHECK(whole.values() == seen[1]);

  const auto all = std::exchange(seen, {});
  o.checkpoint = folder / "run.safetensors";
  Trained<> first;
  o.on_step = [](const Progress& p) {
    if (p.step == 37) std::raise(SIGINT);  // in the fourth epoch, two after the best
  };
  CHECK(run(o, first).interrupted);
  o.resume = true;
  o.on_step = nullptr;
  Trained<> rest;
  const History went_on = run(o, rest);
  CHECK(went_on.stopped_early);
  CHECK(same_epochs(went_on, wanted));
  CHECK(seen == all);
  CHECK(rest.values() == whole.values());

  Trained<> again;
  const History finished = run(o, again);
  CHECK(finished.stopped_early);
  CHECK(same_report(finished, wanted));
  CHECK(again.values() == whole.values());
}

// Not a test: what the next one starts and kills.
TEST_CASE("victim", "[.victim]") {
  const char* file = std::getenv("PEFT_TEST_RUN");
  REQUIRE(file != nullptr);
  FitOptions o = saving(file);
  o.resume = true;
  o.on_step = [](const Progress&) { std::this_thread::sleep_for(std::chrono::milliseconds(15)); };
  Trained<>(2).fit(o);
}

TEST_CASE("a run killed at any moment goes on bit for bit", "[train][resume]") {
  const Temporary folder;
  const auto file = folder / "run.safetensors";
  Trained<> whole;
  whole.fit(saving(folder / "whole.safetensors"));

  REQUIRE(::setenv("PEFT_TEST_RUN", file.c_str(), 1) == 0);
  for (const int delay : {0, 40, 70}) {  // milliseconds after its first checkpoint
    const auto before = std::filesystem::exists(file) ? get(file) : "";
    const char* arguments[] = {"/proc/self/exe", "[.victim]", nullptr};
    pid_t child = 0;
    REQUIRE(::posix_spawn(&child, "/proc/self/exe", nullptr, nullptr, const_cast<char**>(arguments), environ) == 0);
    for (int i = 0; i < 6000 && (!std::filesystem::exists(file) || get(file) == before); ++i)
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    std::this_thread::sleep_for(std::chrono::milliseconds(delay));
    ::kill(child, SIGKILL);
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
    CHECK(WIFSIGNALED(status));
    REQUIRE(std::filesystem::exists(file));
  }
  FitOptions o = saving(file);
  o.resume = true;
  std::size_t steps = 0;
  o.on_step = [&](const Progress&) { ++steps; };
  Trained<> rest(3);
  rest.fit(o);
  CHECK(steps < whole.losses().size() - 1);
  CHECK(rest.values() == whole.values());
  CHECK(same_report(rest.history, whole.history));
}

TEST_CASE("a damaged checkpoint is refused", "[train][resume]") {
  const Temporary folder;
  const auto file = folder / "run.safetensors";
  make_checkpoint(file);
  const std::string good = get(file);
  FitOptions o = saving(file);
  CHECK(refused(o) == "");

  make_checkpoint(file);
  for (const std::size_t size : {std::size_t(0), std::size_t(7), std::size_t(100), good.size() / 2, good.size() - 1}) {
    put(file, good.substr(0, size));
    CHECK(lacks(refused(o), {"run.safetensors"}) == "");
  }
  put(file, good + "x");
  CHECK(lacks(refused(o), {"run.safetensors"}) == "");

  // Any bit of the header flipped: refused in words, or harmless.
  Trained<> run(1);
  std::map<std::string, std::vector<float>> buffers;
  std::size_t header = 0, errors = 0;
  for (int i = 7; i >= 0; --i) header = header << 8 | static_cast<unsigned char>(good[std::size_t(i)]);
  for (std::size_t at = 0; at < header + 8; at += 3) {
    std::string bad = good;
    bad[at] = static_cast<char>(bad[at] ^ (1 << at % 8));
    put(file, bad);
    errors += !error_of([&] { read_checkpoint<float>(file, run.model.layout(), {}, buffers); }).empty();
  }
  CHECK(errors > header / 6);

  put(file, good);
  CHECK(lacks(error_of([&] {
                read_checkpoint<double>(file, run.model.layout(), {},
                                        *std::make_unique<std::map<std::string, std::vector<double>>>(
                                            std::map<std::string, std::vector<double>>{{"values", {}}}));
              }),
              {"stored as F32", "precision"}) == "");
}

TEST_CASE("a checkpoint of something else is refused", "[train][resume]") {
  const Temporary folder;
  const auto file = folder / "run.safetensors";
  FitOptions o = saving(file);
  std::filesystem::copy_file(small::folder() / "model.safetensors", file);
  CHECK(lacks(refused(o), {"run.safetensors", "no checkpoint of a run"}) == "");

  Trained<small::Sora> other(1);
  std::filesystem::remove(file);
  interrupted(other, o, 2);
  CHECK(lacks(refused(o), {"run.safetensors", "another model or method"}) == "");

  // A state that no run of these options can have.
  make_checkpoint(file);
  Trained<> run(1);
  const std::map<std::string, std::vector<float>> buffers{
      {"values", std::vector<float>(std::size_t(run.model.layout().size()))}};
  std::map<std::string, std::vector<float>> read = buffers;
  const Notes identity = from_notes(SafeTensors::open(file).metadata(), "here").identity;
  const RunState good = read_checkpoint<float>(file, run.model.layout(), identity, read);
  const auto rewritten = [&](auto&& change) {
    RunState bad = good;
    change(bad);
    std::map<std::string, std::vector<float>> all = read;
    for (const char* name : {"adamw.m", "adamw.v"}) all[name].resize(std::size_t(run.model.layout().gradient_size()));
    all["best"] = all["values"];
    write_checkpoint(file, run.model.layout(), bad, all);
    return refused(o);
  };
  CHECK(rewritten([](RunState&) {}) == "");
  CHECK(lacks(rewritten([](RunState& s) { s.cursor = 12; }), {"damaged", "batch 12"}) == "");
  CHECK(lacks(rewritten([](RunState& s) { s.epoch = 3; }), {"damaged", "epoch 3"}) == "");
  CHECK(lacks(rewritten([](RunState& s) { s.step = 23; }), {"damaged", "step 23 of 22"}) == "");
  CHECK(lacks(rewritten([](RunState& s) { s.step = -1; }), {"step is \"-1\""}) == "");
}

TEST_CASE("resuming with other options is refused and names them", "[train][resume]") {
  const Temporary folder;
  const auto file = folder / "run.safetensors";
  const FitOptions o = [&] {
    FitOptions made = saving(file);
    made.identity = {{"batch", "6"}, {"task", "a test"}};
    return made;
  }();
  Trained<> first(1);
  interrupted(first, o, 2);
  const std::string before = get(file);
  const auto other = [&](auto&& change) {
    FitOptions changed = o;
    change(changed);
    return refused(changed);
  };
  CHECK(lacks(other([](FitOptions& c) { c.lr = 1e-3; }),
              {"run.safetensors", "other options", "lr: now 0.001, then 0.005"}) == "");
  CHECK(lacks(other([](FitOptions& c) { c.seed = 1; }), {"seed: now 1, then 11"}) == "");
  CHECK(lacks(other([](FitOptions& c) { c.epochs = 1; }), {"epochs: now 1, then 2"}) == "");
  CHECK(lacks(other([](FitOptions& c) { c.clip = 0; }), {"clip: now 0, then 1"}) == "");
  CHECK(lacks(other([](FitOptions& c) { c.schedule = ScheduleKind::Linear; }), {"schedule: now linear, then cosine"}) ==
        "");
  CHECK(lacks(other([](FitOptions& c) { c.warmup = 0; }), {"warmup"}) == "");
  CHECK(lacks(other([](FitOptions& c) { c.patience = 1; }), {"patience: now 1, then 5"}) == "");
  CHECK(lacks(other([](FitOptions& c) { c.accumulate = 2; }), {"accumulate: now 2, then 1"}) == "");
  CHECK(lacks(other([](FitOptions& c) { c.optimizer.weight_decay = 0; }), {"weight decay: now 0, then 0.01"}) == "");
  CHECK(lacks(other([](FitOptions& c) { c.identity["batch"] = "7"; }), {"batch: now 7, then 6"}) == "");
  const std::string two = other([](FitOptions& c) { c.lr = 1, c.seed = 2; });
  CHECK(lacks(two, {"lr", "seed"}) == "");
  CHECK(two.find("epochs") == std::string::npos);
  CHECK(get(file) == before);
  CHECK(refused(o) == "");
}

TEST_CASE("other groups, and nothing to resume, are said", "[train][resume]") {
  const Temporary folder;
  FitOptions o = saving(folder / "run.safetensors");
  std::vector<std::string> warnings;
  o.on_warning = [&](const std::string& text) { warnings.push_back(text); };
  o.resume = true;
  Trained<> first(1);
  interrupted(first, o, 4);
  REQUIRE(warnings.size() == 1);
  CHECK(lacks(warnings[0], {"no run to resume", "run.safetensors"}) == "");

  Trained<> rest(1, 0.1, {50, 2});
  rest.fit(o);
  REQUIRE(warnings.size() == 2);
  CHECK(lacks(warnings[1], {"other conditions", "group: now 50 tokens", "then 30 tokens"}) == "");
  CHECK(rest.losses().size() == 22);
}

TEST_CASE("a checkpoint that cannot be written ends the run and says from where it can be resumed", "[train][resume]") {
  const Temporary folder;
  const auto place = folder / "place", away = folder / "away";
  std::filesystem::create_directory(place);
  FitOptions o = saving(place / "run.safetensors");
  Trained<> whole(2);
  whole.fit(small::options());
  o.on_step = [&](const Progress& p) {
    if (p.step == 5) std::filesystem::rename(place, away);
  };
  CHECK(lacks(error_of([&] { Trained<>(1).fit(o); }),
              {"run.safetensors", "No such file", "after step 5 of 22", "from step 4", "make room"}) == "");
  CHECK(lacks(error_of([&] { Trained<>(1).fit(saving(place / "run.safetensors")); }),
              {"after step 1 of 22", "nothing of it is saved"}) == "");
  o = saving(away / "run.safetensors");
  o.resume = true;
  Trained<> rest(2);
  rest.fit(o);
  CHECK(rest.values() == whole.values());
  CHECK(same_report(rest.history, whole.history));
}

TEST_CASE("a run that begins anew leaves no older one to be resumed", "[train][resume]") {
  const Temporary folder;
  const auto file = folder / "run.safetensors";
  make_checkpoint(file);
  FitOptions o = small::options();
  o.checkpoint = file;
  bool there = true;
  o.on_step = [&](const Progress&) {
    there = std::filesystem::exists(file);
    std::raise(SIGINT);
  };
  Trained<>(1).fit(o);
  CHECK_FALSE(there);
  CHECK(std::filesystem::exists(file));
}
