// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <peft/model/peft_files.hpp>
#include <peft/io/peft_format.hpp>
#include <peft/task/language_model.hpp>
#include <peft/train/evaluate_pairs.hpp>
#include <peft/train/fit.hpp>

#include <filesystem>
#include <iostream>

#include "methods.hpp"
#include "modules.hpp"

/// Runs a whole job with one method on a backbone that writes: text to text.
template <class Backbone, class Method>
int run_text(const Job& job, Method method, const std::string& label) {
  using namespace peft;
  job.settings();
  using M = Model<Backbone, Method, LanguageModel>;
  using D = ContentsOf<M>;
  const Options& o = job.options;
  M model(Backbone::open(o.model)->with_dropout(o.dropout, o.dropout, o.dropout), {}, method, o.seed);
  if (job.delta) {
    require(job.delta->method == o.method, o.load, ": holds a delta of method ", job.delta->method, "; give --method ", job.delta->method);
    restore_tensors(model, job.delta->tensors, o.load);
  }
  if (job.adapter) {
    if constexpr (HasPeftFiles<D>)
      from_adapter(model, *job.adapter);
    else
      fail(o.load, ": holds an adapter of kind ", job.adapter->kind(), ", which --method ", o.method, " does not read");
  }
  Engine<M> engine(model, o.workers);
  const int decoder = std::max(job.pair_loader->data().decoder_longest(), job.dev_pairs->decoder_longest());
  const std::size_t step = engine.plan(o.batch > 0 ? o.batch : 64, job.longest(), true, decoder);
  job.show_model(modules_of(model, label), label, false);
  const std::vector<report::Buffer> buffers = memory_of(engine, step);
  job.show_plan(buffers, engine.workers());

  Job::Result result;
  result.trainable = model.trainable();
  result.total = model.total();
  for (const report::Buffer& b : buffers) result.step_memory += b.bytes;
  const auto score = [&] {
    metric::Scores likelihood = score_likelihood(engine, *job.dev_pairs);
    if (!job.words || job.words->task.regression()) return likelihood;
    metric::Scores classes = metric::score(job.kind, choose_classes(engine, *job.dev_pairs, job.class_ids(), job.facts.start), job.dev_texts.labels);
    classes.parts.push_back({"loss", -likelihood.main});
    return classes;
  };
  FitOptions fit_options = job.fit_options(Entry::table().at(o.method).lr);
  {
    ProgressBar bar;
    fit_options.on_step = bar;
    fit_options.on_epoch = [&](const EpochReport& r) {
      bar.clear();
      job.show_epoch(r, o.epochs);
    };
    result.history = fit(engine, *job.pair_loader, fit_options, score);
  }
  if (result.history.interrupted) {
    std::cerr << "stopped after step " << result.history.steps
              << (o.out.empty() ? "; nothing was saved (there is no --out)\n"
                                : "; the run is saved: the same command with --resume goes on where it stopped\n");
    return 128 + Interrupt::signal();
  }
  const auto& epochs = result.history.epochs;
  result.dev = epochs.empty() || o.patience > 0 ? score() : epochs.back().dev;
  if (!o.out.empty()) {
    if constexpr (HasPeftFiles<D>) save_peft(o.out, to_adapter(model, job.base_model()));
    if (!HasPeftFiles<D> || peft_files_are_lossy<D>()) save_delta(o.out, {o.method, job.settings(), trained_tensors(model)});
  }
  job.finish(result, {});
  return 0;
}
