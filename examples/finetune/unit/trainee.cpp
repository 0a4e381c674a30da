// SPDX-License-Identifier: Apache-2.0
#include "trainee.hpp"

#include <peft/train/evaluate.hpp>
#include <peft/train/evaluate_pairs.hpp>
#include <peft/train/progress.hpp>

#include <map>

#include "../saved_files.hpp"
#include "outputs.hpp"
#include "predictions.hpp"

using namespace peft;

namespace {

/// Shows a model and the plan of its steps; what the run's result says of both.
Job::Result begin_run(const Job& job, const Trainee& model) {
  for (const std::string& note : model.facts.notes) job.notes.add(note);
  if (model.facts.fresh_pooler && model.facts.head.empty())
    job.notes.add("the checkpoint has no pooler: a fresh one is trained and saved as a part of the head");
  job.show_model(modules_of(model.facts, model.label), model.label, model.facts.head);
  const std::vector<report::Buffer> buffers = memory_of(model.facts, model.step_bytes);
  job.show_plan(model.facts.workers);
  Job::Result result;
  result.trainable = model.facts.trainable;
  result.total = model.facts.total;
  for (const report::Buffer& b : buffers) result.step_memory += b.bytes;
  return result;
}

/// Trains with a bar and a line per epoch.
History train_with_progress(const Job& job, const Trainee& model, const Score& score) {
  if (!job.loader && !job.pair_loader) return {};  // nothing to train on: it was not asked for
  FitOptions options = job.fit_options(model.facts.frozen.file());
  ProgressBar bar;
  options.on_step = bar;
  options.on_epoch = [&](const EpochReport& r) {
    bar.clear();
    job.show_epoch(r, job.options.epochs);
  };
  return model.train(options, score);
}

void save(const Job& job, const Trainee& model, std::map<std::string, std::string> settings, Job::Result& result) {
  settings.insert(model.settings.begin(), model.settings.end());
  AtomicFiles files;
  InPeftFiles peft = model.stage_for_peft(files, result);
  peft.all = peft.all && job.options.compose.empty();  // PEFT's files do not say what was composed
  const std::string& out = job.options.out;
  if (out.empty()) return;
  const DeltaFile trained{job.options.method, std::move(settings),
                          peft.all ? std::vector<HostTensor>() : model.tensors()};
  if (!peft.all) stage_delta(files, out, trained, peft.checksum);
  job.stage_beside(files, trained);
  for (const auto& file : saved_files(out)) files.remove(file);  // of a run that this one replaces
  if (job.options.epochs == 0)
    for (const auto& file : checkpoints(out)) files.remove(file);
  files.commit();
}

/// The run's checkpoint has all that was trained: what could not be saved of it is not lost.
void save_or_say(const Job& job, const Trainee& model, const std::map<std::string, std::string>& settings,
                 Job::Result& result) try {
  save(job, model, settings, result);
} catch (const Error& e) {
  if (job.options.epochs == 0) throw;
  fail(e.what(), "; the run itself is saved: make room, and the same command with --resume writes it again");
}

/// What a backbone that writes says of the classes of a GLUE task, each in its words.
struct SaidInWords {
  std::vector<std::vector<std::int32_t>> words;  // ids, by class
  std::vector<double> losses, classes;           // (examples, classes); the likeliest of each example
};
SaidInWords say(const Job& job, const Writer& model, const TokenizedPairs& prompts) {
  SaidInWords said{job.class_ids(), {}, {}};
  said.losses = class_losses(model.losses, prompts, said.words, job.facts.start);
  said.classes = likeliest_classes(said.losses, said.words.size());
  return said;
}

metric::Scores score_words(const Job& job, const SaidInWords& said) {
  metric::Scores scores = metric::score(job.kind, said.classes, job.dev_labels);
  double loss = 0, tokens = 0;
  for (std::size_t i = 0; i < said.classes.size(); ++i) {
    const auto right = static_cast<std::size_t>(job.dev_labels[i]);
    loss += said.losses[i * said.words.size() + right];
    tokens += static_cast<double>(said.words[right].size());
  }
  scores.parts.push_back({"loss", loss / tokens});
  return scores;
}

void write_predictions(const Job& job, const SaidInWords& said) {
  const std::vector<std::string>& names = job.words->task.labels;
  const std::size_t n = names.size();
  Predictions file(job.options, Predictions::Of::Texts, names);
  for (std::size_t i = 0; i < said.classes.size(); ++i) {
    Prediction row;
    row.text = row.label = names[static_cast<std::size_t>(said.classes[i])];
    for (std::size_t c = 0; c < n; ++c) row.scores.push_back(-said.losses[i * n + c]);
    file.add(row);
  }
  file.commit();
}

/// Texts as predictions; those of a task that gives a score are read as numbers. `rows`: which text is each one's;
/// empty: its own.
void write_predictions(const Job& job, const std::vector<std::string>& texts, const std::vector<std::size_t>& rows) {
  Predictions file(job.options, Predictions::Of::Texts, {});
  for (std::size_t i = 0; i < (rows.empty() ? texts.size() : rows.size()); ++i) {
    Prediction row;
    row.text = texts[rows.empty() ? i : rows[i]];
    if (job.words) row.scores = {job.words->answer(row.text)};
    file.add(row);
  }
  file.commit();
}

/// The predictions of a model that gives classes or scores, piece by piece.
void write_predictions(const Job& job, const Reader& model) {
  const Dataset& data = job.asked ? *job.asked : job.dev;
  const Tokenized& tokens = job.asked ? *job.asked_tokens : *job.dev_tokens;
  Predictions file(job.options, data.tagged ? Predictions::Of::Tags : Predictions::Of::Scores,
                   job.train.regression ? std::vector<std::string>() : job.train.label_names);
  predict_pieces<float>(model.predict, tokens, [&](const LogitPiece<float>& piece) { file.add(piece, data, tokens); });
  file.commit();
}

}  // namespace

// The order of both: what was trained is saved before anything else is computed, then comes what is at hand, then what
// takes work and may fail in it. What --json says is written before that, and again with what it has added.

int run_job(const Job& job, const Reader& model) {
  const Options& o = job.options;
  require(
      job.loader || !model.facts.head.empty(), o.model,
      ": its head is not of this task, and there is no training file for a fresh one; give --load with a trained one, or --data and --epochs");
  Job::Result result = begin_run(job, model);
  const Score score = [&] { return job.score(model.predict); };
  result.history = train_with_progress(job, model, score);
  if (result.history.interrupted) return job.stopped(result.history);

  job.check_files();
  Outputs outputs;
  auto settings = job.settings();
  settings["pooling"] = o.pooling;
  if (const HeadLabels labels = job.head_labels()) settings[labels_key] = to_label_text(*labels, o.out);
  if (o.out.empty())
    save(job, model, settings, result);  // counts the ranks that are left
  else
    outputs.write("--out", o.out, [&] { save_or_say(job, model, settings, result); });
  // The last epoch's scores are those of the final values, unless an earlier epoch's were put back.
  const auto& epochs = result.history.epochs;
  const metric::Scores dev = epochs.empty() || o.patience > 0 ? score() : epochs.back().dev;
  if (job.dev.labelled) result.dev = dev;

  job.check_files();
  const bool more = !o.export_to.empty();
  outputs.write("--json", o.json, [&] { job.write_json(result, more); });
  outputs.write("--predict", o.predict, [&] { write_predictions(job, model); });
  outputs.write("--export", o.export_to, [&] {
    model.export_to(o.export_to, job.labels() > 1 ? job.train.label_names : std::vector<std::string>());
    result.merge_error = model.compare_exported();
  });
  if (more) outputs.write("--json", o.json, [&] { job.write_json(result, false); });
  job.finish(result);
  return outputs.status();
}

int run_job(const Job& job, const Writer& model) {
  const Options& o = job.options;
  Job::Result result = begin_run(job, model);
  const bool classes = job.words && !job.words->task.regression();
  bool scored = false;
  SaidInWords dev;
  const Score score = [&] {
    scored = true;
    if (!classes) return score_likelihood(model.losses, *job.dev_pairs);
    dev = say(job, model, *job.dev_pairs);
    return score_words(job, dev);
  };
  result.history = train_with_progress(job, model, score);
  if (result.history.interrupted) return job.stopped(result.history);

  job.check_files();
  Outputs outputs;
  outputs.write("--out", o.out, [&] { save_or_say(job, model, job.settings(), result); });
  const auto& epochs = result.history.epochs;
  if (job.dev_pairs) result.dev = !scored || epochs.empty() || o.patience > 0 ? score() : epochs.back().dev;

  const auto write = [&](const TokenizedPairs& prompts) {
    return model.write(prompts, job.writing(),
                       [&](std::span<const std::int32_t> ids) { return job.tokenizer->decode(ids); });
  };
  job.check_files();
  const bool more = job.dev_prompts != nullptr;
  outputs.write("--json", o.json, [&] { job.write_json(result, more); });
  if (more)
    outputs.write("--texts", "of the dev prompts", [&] {
      result.texts = write(*job.dev_prompts);
      result.written = score_texts(result.texts, *job.dev_prompts);
    });
  outputs.write("--predict", o.predict, [&] {
    require(classes || job.asked_prompts || result.written, "the texts of the dev prompts could not be written");
    if (classes) return write_predictions(job, job.asked_prompts ? say(job, model, *job.asked_prompts) : dev);
    if (job.asked_prompts) return write_predictions(job, write(*job.asked_prompts), job.asked_rows);
    write_predictions(job, result.texts, {});
  });
  if (more) outputs.write("--json", o.json, [&] { job.write_json(result, false); });
  job.finish(result);
  return outputs.status();
}
