// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <peft/report/numbers.hpp>
#include <peft/report/table.hpp>
#include <peft/train/evaluate.hpp>
#include <peft/train/progress.hpp>
#include <peft/train/sparsity_schedule.hpp>

#include <algorithm>
#include <filesystem>
#include <iostream>

#include "../unit/chosen_sora.hpp"
#include "../unit/run.hpp"

using namespace peft;

inline SparsitySchedule schedule_of(const Job& job) {
  SparsitySchedule s;
  s.path = static_cast<XiPath>(job.choice("path", {"linear", "log-linear", "exp-linear"}));
  s.first = job.setting("xi-first", s.first);
  s.last = job.setting("xi-last", s.last);
  s.steps = static_cast<int>(job.setting("steps", s.steps));
  s.epochs = static_cast<int>(job.setting("step-epochs", s.epochs));
  s.later_lr = job.setting("later-lr", s.later_lr);
  if (!job.options.out.empty()) s.folder = std::filesystem::path(job.options.out) / "steps";
  s.base_model = job.base_model();
  s.values();  // refuses what cannot be followed before anything is loaded
  return s;
}

/// The scores on the first `count` training examples; the released code takes 1,000.
inline metric::Scores memorised(const Job& job, auto& engine, std::size_t count) {
  Scorer scorer(job.kind, static_cast<std::size_t>(job.labels()), job.loader->data());
  predict_pieces<float>([&](const Batch& b) { return engine.predict(b); }, job.loader->data(),
                        [&](const LogitPiece<float>& piece) { scorer.add(piece); }, 64, count);
  return scorer.scores();
}

inline void show(const std::vector<SparsityStep>& curve, std::ostream& to) {
  report::Table table({"xi", "parameters", "ranks", "train", "dev"});
  for (const SparsityStep& s : curve)
    if (!s.history.interrupted)
      table.add({report::significant(s.xi, 3), report::count(s.parameters()), report::count(s.kept()),
                 report::fixed(s.train.main, 4), report::fixed(s.dev.main, 4)});
  to << "\n" << table.text();
}

template <class Backbone>
int run_method(const Job& job) {
  static_assert(!Backbone::spec.causal,
                "sora-schedule: its steps are compared by scores of a head, and a backbone that writes has none: sora");
  require(job.loader != nullptr || job.options.epochs == 0,
          "--method sora-schedule: it prunes while it trains; give --data with a training file, and --epochs");
  require(!job.train.tagged && job.train.together == 1, "--method sora-schedule: --task ", job.options.task,
          " is no classification or regression");
  require(job.options.epochs > 0 || job.delta,
          "--method sora-schedule needs --epochs, those of its first step, or --load of what it has left");
  ChosenSoRA method = chosen_sora(job);
  auto& lora = std::get<0>(method.deltas).delta;
  lora.gate.xi.chosen = job.choice("operator", {"constant", "released"}) == 0 ? ChosenXi::constant : ChosenXi::released;
  const SparsitySchedule schedule = schedule_of(job);
  const double sample = job.setting("train-sample", 1000);
  require(sample >= 1, "the setting train-sample is ", sample, ", expected 1 or more");

  const auto train = [&]<class Options>(auto& engine, const auto& data, const Options& options, const auto& score) {
    if (options.epochs == 0) return fit(engine, data, options, score);
    ProgressBar bar;
    SparsityCallbacks<Options> callbacks;
    callbacks.before = [&](int step, double xi, Options& now) {
      std::cout << "step " << step + 1 << "/" << schedule.steps << "  xi " << report::significant(xi, 3) << "\n"
                << std::flush;
      bar = ProgressBar();
      now.on_step = bar;
      now.on_epoch = [&, epochs = now.epochs](const EpochReport& r) {
        bar.clear();
        job.show_epoch(r, epochs);
      };
    };
    const auto curve = fit_sparsity_schedule(
        engine, data, options, schedule, [&] { return memorised(job, engine, static_cast<std::size_t>(sample)); },
        score, callbacks);
    show(curve, std::cout);
    job.beside("sparsity.tsv", [table = sparsity_table(curve)](const DeltaFile&) { return table; });
    return history_of(curve);
  };
  return run<Backbone>(job, method, cat("SoRA r=", lora.rank), train);
}
