// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <peft/model/peft_files.hpp>
#include <peft/task/language_model.hpp>
#include <peft/train/evaluate_pairs.hpp>
#include <peft/train/evaluate_text.hpp>
#include <peft/train/fit.hpp>

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
  M model(open_backbone<Backbone>(o), {}, method, o.seed);
  load_into(model, job);

  Engine<M> engine(model, o.workers);
  const int decoder = std::max(job.pair_loader->data().decoder_longest(), job.dev_pairs->decoder_longest());
  const std::size_t step = engine.plan(o.batch > 0 ? o.batch : 64, job.longest(), true, decoder);
  Job::Result result = begin_run(job, engine, step, label);
  const auto score = [&] {
    if (!job.words || job.words->task.regression()) return score_likelihood(engine, *job.dev_pairs);
    const auto words = job.class_ids();
    const std::vector<double> losses = class_losses(engine, *job.dev_pairs, words, job.facts.start), classes = likeliest_classes(losses, words.size());
    result.texts.clear();
    for (const double c : classes) result.texts.push_back(job.words->task.labels[static_cast<std::size_t>(c)]);
    metric::Scores scores = metric::score(job.kind, classes, job.dev_labels);
    double loss = 0, tokens = 0;
    for (std::size_t i = 0; i < classes.size(); ++i) {
      const auto right = static_cast<std::size_t>(job.dev_labels[i]);
      loss += losses[i * words.size() + right];
      tokens += static_cast<double>(words[right].size());
    }
    scores.parts.push_back({"loss", loss / tokens});
    return scores;
  };
  result.history = with_progress(job, [&](FitOptions& fit_options) { return fit(engine, *job.pair_loader, fit_options, score); });
  if (result.history.interrupted) return job.stopped(result.history);
  const auto& epochs = result.history.epochs;
  result.dev = epochs.empty() || o.patience > 0 ? score() : epochs.back().dev;
  if (!o.out.empty()) {
    if constexpr (HasPeftFiles<D>) save_adapter(model, o.out, job.base_model());
    if (!HasPeftFiles<D> || peft_files_are_lossy<D>()) save_delta(o.out, {o.method, job.settings(), trained_tensors(model)});
  }
  if (job.dev_prompts) {
    engine.prepare();
    result.texts = write_texts(model, *job.dev_prompts, job.writing(), [&](std::span<const std::int32_t> ids) { return job.tokenizer->decode(ids); });
    result.written = score_texts(result.texts, *job.dev_prompts);
  }
  job.finish(result, {});
  return 0;
}
