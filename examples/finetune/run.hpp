// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <peft/delta/lora.hpp>
#include <peft/io/peft_save.hpp>
#include <peft/model/bert.hpp>
#include <peft/model/export.hpp>
#include <peft/train/evaluate.hpp>
#include <peft/train/fit.hpp>

#include <cmath>
#include <filesystem>
#include <iostream>
#include <map>

#include "methods.hpp"
#include "modules.hpp"
#include "run_text.hpp"

/// Trains as `fit` does.
inline constexpr auto plain_fit = [](auto& engine, const auto& data, const auto& options, const auto& score) {
  return peft::fit(engine, data, options, score);
};

/// Runs a whole job with one method. `label` is what the tree shows beside each of its modules.
template <class Backbone, class Task, class Method, class Train>
int run_with(const Job& job, Task task, Method method, const std::string& label, const Train& train) {
  using namespace peft;
  job.settings();
  using M = Model<Backbone, Method, Task>;
  using D = ContentsOf<M>;
  const Options& o = job.options;
  M model(open_backbone<Backbone>(o), task, method, o.seed);
  load_into(model, job);

  Engine<M> engine(model, o.workers);
  const std::size_t step = engine.plan((o.batch > 0 ? o.batch : 64) * task.together(), job.longest(), o.epochs > 0);
  Job::Result result = begin_run(job, engine, step, label);
  std::vector<float> logits;
  const auto score = [&] {
    logits = predict(engine, *job.dev_tokens);
    return job.score(logits);
  };
  result.history = with_progress(job, [&](FitOptions& fit_options) { return train(engine, *job.loader, fit_options, score); });
  if (result.history.interrupted) return job.stopped(result.history);
  // The last epoch's scores and logits are those of the final values, unless an earlier epoch's were put back.
  const auto& epochs = result.history.epochs;
  const metric::Scores dev = logits.empty() || epochs.empty() || o.patience > 0 ? score() : epochs.back().dev;
  if (job.dev.labelled) result.dev = dev;

  const std::filesystem::path out = o.out;
  bool saved = o.out.empty();
  if constexpr (gated<D>) {
    const PeftLora lora = to_peft(model, job.base_model());
    const auto& modules = std::get<0>(model.values().all).modules;
    for (std::size_t k = 0; k < modules.size(); ++k) {
      result.rank_total += cols(modules[k].g);
      result.rank_kept += lora.modules[k].rank;
    }
    if (!saved) save_peft_lora(out / "pruned", lora);
  }
  if constexpr (InPeft<D> || (HasPeftFiles<D> && !gated<D>)) {
    if (!saved) save_adapter(model, out, job.base_model());
    saved = saved || !(gated<D> || peft_files_are_lossy<D>());
  }
  auto settings = job.settings();
  settings["pooling"] = o.pooling;
  if (!saved) save_delta(out, {o.method, std::move(settings), trained_tensors(model)});

  if (!o.export_to.empty()) {
    export_checkpoint(model, o.export_to, job.labels() > 1 ? job.train.label_names : std::vector<std::string>());
    const auto other = job.predict_exported();
    result.merge_error = 0;
    for (std::size_t i = 0; i < logits.size(); ++i)
      result.merge_error = std::max(result.merge_error, std::abs(double(logits[i]) - double(other[i])));
  }
  job.finish(result, logits);
  return 0;
}

/// The same with the task that --task and --pooling name.
template <class Backbone, class Method, class Train = decltype(plain_fit)>
int run(const Job& job, Method method, const std::string& label, const Train& train = plain_fit) {
  if constexpr (Backbone::spec.causal) {
    return run_text<Backbone>(job, method, label);
  } else {
    if (job.reads_rows()) return run_with<Backbone>(job, job.rows_task(), method, label, train);
    return run_with<Backbone>(job, job.first_task(), method, label, train);
  }
}
