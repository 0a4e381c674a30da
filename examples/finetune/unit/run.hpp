// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <peft/model/export.hpp>
#include <peft/train/fit.hpp>

#include "exported.hpp"
#include "run_text.hpp"
#include "trainee.hpp"

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
  const Options& o = job.options;
  foresee_start(job);
  const auto backbone = open_backbone<Backbone>(job);
  M model(backbone, method, task, o.seed,
          [&](const Layout& layout) { foresee_tensors(job, use_of(*backbone), layout); });
  const bool loaded = load_into(model, job);

  Engine<M> engine(model, o.workers);
  const std::size_t step = plan_steps(job, engine);
  Reader reader{trainee_of(engine, step, label), {}, {}, {}};
  if (loaded) reader.facts.head = "of --load";
  reader.train = [&](const FitOptions& options, const Score& score) {
    return train(engine, *job.loader, options, score);
  };
  reader.stage_for_peft = [&](AtomicFiles& files, Job::Result& result) {
    return stage_reader_for_peft(files, model, job, result);
  };
  reader.predict = [&](const Batch& batch) { return engine.predict(batch); };
  reader.export_to = [&](const auto& folder, const auto& labels) { export_checkpoint(model, folder, labels); };
  reader.compare_exported = [&] { return compare_exported(job, reader.predict); };
  return run_job(job, reader);
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
