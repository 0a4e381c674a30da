// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <peft/model/generate.hpp>
#include <peft/task/language_model.hpp>
#include <peft/train/fit.hpp>

#include "trainee.hpp"

/// Runs a whole job with one method on a backbone that writes: text to text.
template <class Backbone, class Method>
int run_text(const Job& job, Method method, const std::string& label) {
  using namespace peft;
  job.settings();
  using M = Model<Backbone, Method, LanguageModel>;
  const Options& o = job.options;
  foresee_start(job);
  const auto backbone = open_backbone<Backbone>(job);
  M model(backbone, method, {}, o.seed, [&](const Layout& layout) { foresee_tensors(job, use_of(*backbone), layout); });
  load_into(model, job);

  Engine<M> engine(model, o.workers);
  const std::size_t step = plan_steps(job, engine);
  foresee_texts(job, [&](const auto& prompts) { return foresee_generation(model, prompts, job.writing()); });
  Writer writer{trainee_of(engine, step, label), {}, {}};
  writer.train = [&](const FitOptions& options, const Score& score) {
    return fit(engine, *job.pair_loader, options, score);
  };
  writer.stage_for_peft = [&](AtomicFiles& files, Job::Result&) { return stage_writer_for_peft(files, model, job); };
  writer.losses = [&](const Batch& batch) { return engine.sequence_losses(batch); };
  writer.write = [&](const TokenizedPairs& prompts, const GenerateOptions& options, const Decode& decode) {
    engine.prepare();
    return write_texts(model, prompts, options, decode);
  };
  return run_job(job, writer);
}
