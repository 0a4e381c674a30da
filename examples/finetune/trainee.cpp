// SPDX-License-Identifier: Apache-2.0
#include "trainee.hpp"

#include <peft/train/evaluate.hpp>
#include <peft/train/evaluate_pairs.hpp>
#include <peft/train/progress.hpp>

#include <algorithm>
#include <cmath>
#include <map>

#include "outputs.hpp"

using namespace peft;

namespace {

/// Shows a model and the plan of its steps; what the run's result says of both.
Job::Result begin_run(const Job& job, const Trainee& model) {
  for (const std::string& note : model.facts.notes) job.notes.add(note);
  if (model.facts.fresh_pooler && model.facts.head.empty()) job.notes.add("the checkpoint has no pooler: a fresh one is trained and saved as a part of the head");
  job.show_model(modules_of(model.facts, model.label), model.label, model.facts.head);
  const std::vector<report::Buffer> buffers = memory_of(model.facts, model.step_bytes);
  job.show_plan(buffers, model.facts.workers);
  Job::Result result;
  result.trainable = model.facts.trainable;
  result.total = model.facts.total;
  for (const report::Buffer& b : buffers) result.step_memory += b.bytes;
  return result;
}

/// Trains with a bar and a line per epoch.
History train_with_progress(const Job& job, const Trainee& model, const Score& score) {
  FitOptions options = job.fit_options();
  ProgressBar bar;
  options.on_step = bar;
  options.on_epoch = [&](const EpochReport& r) {
    bar.clear();
    job.show_epoch(r, job.options.epochs);
  };
  return model.train(options, score);
}

void save(const Job& job, const Trainee& model, std::map<std::string, std::string> settings, Job::Result& result) {
  const bool whole = model.save_for_peft(result);
  if (!whole && !job.options.out.empty()) save_delta(job.options.out, {job.options.method, std::move(settings), model.tensors()});
  job.write_beside();
}

/// The scores of a GLUE task whose classes are said in words; `result` keeps the words chosen.
metric::Scores score_words(const Job& job, const Writer& model, Job::Result& result) {
  const auto words = job.class_ids();
  const std::vector<double> losses = class_losses(model.losses, *job.dev_pairs, words, job.facts.start), classes = likeliest_classes(losses, words.size());
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
}

}  // namespace

// The order of both: what was trained is saved before anything else is computed, then comes what is at hand, then what takes work and may
// fail in it. What --json says is written before that, and again with what it has added.

int run_job(const Job& job, const Reader& model) {
  const Options& o = job.options;
  Job::Result result = begin_run(job, model);
  std::vector<float> logits;
  const Score score = [&] {
    logits = predict(model.predict, *job.dev_tokens);
    return job.score(logits);
  };
  result.history = train_with_progress(job, model, score);
  if (result.history.interrupted) return job.stopped(result.history);

  Outputs outputs;
  auto settings = job.settings();
  settings["pooling"] = o.pooling;
  if (o.out.empty())
    save(job, model, settings, result);  // counts the ranks that are left
  else
    outputs.write("--out", o.out, [&] { save(job, model, settings, result); });
  // The last epoch's scores and logits are those of the final values, unless an earlier epoch's were put back.
  const auto& epochs = result.history.epochs;
  const metric::Scores dev = logits.empty() || epochs.empty() || o.patience > 0 ? score() : epochs.back().dev;
  if (job.dev.labelled) result.dev = dev;

  const bool more = !o.export_to.empty();
  outputs.write("--json", o.json, [&] { job.write_json(result, more); });
  outputs.write("--predict", o.predict, [&] { job.write_predictions(result, logits); });
  outputs.write("--export", o.export_to, [&] {
    model.export_to(o.export_to, job.labels() > 1 ? job.train.label_names : std::vector<std::string>());
    const auto other = job.predict_exported();
    result.merge_error = 0;
    for (std::size_t i = 0; i < logits.size(); ++i)
      result.merge_error = std::max(result.merge_error, std::abs(double(logits[i]) - double(other[i])));
  });
  if (more) outputs.write("--json", o.json, [&] { job.write_json(result, false); });
  job.finish(result);
  return outputs.status();
}

int run_job(const Job& job, const Writer& model) {
  const Options& o = job.options;
  Job::Result result = begin_run(job, model);
  const Score score = [&] {
    return !job.words || job.words->task.regression() ? score_likelihood(model.losses, *job.dev_pairs) : score_words(job, model, result);
  };
  result.history = train_with_progress(job, model, score);
  if (result.history.interrupted) return job.stopped(result.history);

  Outputs outputs;
  outputs.write("--out", o.out, [&] { save(job, model, job.settings(), result); });
  const auto& epochs = result.history.epochs;
  result.dev = epochs.empty() || o.patience > 0 ? score() : epochs.back().dev;

  const bool more = job.dev_prompts != nullptr;
  outputs.write("--json", o.json, [&] { job.write_json(result, more); });
  if (more)
    outputs.write("--texts", "of the dev prompts", [&] {
      result.texts = model.write(*job.dev_prompts, job.writing(), [&](std::span<const std::int32_t> ids) { return job.tokenizer->decode(ids); });
      result.written = score_texts(result.texts, *job.dev_prompts);
    });
  outputs.write("--predict", o.predict, [&] { job.write_predictions(result, {}); });
  if (more) outputs.write("--json", o.json, [&] { job.write_json(result, false); });
  job.finish(result);
  return outputs.status();
}
