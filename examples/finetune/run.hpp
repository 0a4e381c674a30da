// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <peft/delta/lora.hpp>
#include <peft/io/peft_format.hpp>
#include <peft/model/bert.hpp>
#include <peft/model/export.hpp>
#include <peft/train/evaluate.hpp>
#include <peft/train/fit.hpp>

#include <cmath>
#include <filesystem>
#include <iostream>
#include <map>

#include "methods.hpp"

/// The modules of a model for the printed tree: the backbone's tensors by module, what is trained of them, what was added.
template <class M>
std::vector<peft::report::Module> modules_of(const M& model, const std::string& label) {
  using namespace peft;
  std::vector<report::Module> list;
  std::map<std::string, std::size_t> index;
  const auto at = [&](const std::string& path) -> report::Module& {
    const auto [found, fresh] = index.emplace(path, list.size());
    if (fresh) list.push_back({path, "", 0, 0, ""});
    return list[found->second];
  };
  const auto module_of = [](const std::string& tensor) { return tensor.substr(0, tensor.rfind('.')); };
  const auto shape = [](std::int64_t r, std::int64_t c) { return r == 1 ? cat(c) : cat(r, "x", c); };
  for (const SiteInfo& s : site_table)
    if (has(Kind::linear | Kind::norm | Kind::table, s.kind))
      for (int layer = s.per_layer ? 0 : -1; layer < (s.per_layer ? model.backbone().layers() : 0); ++layer) {
        const std::string path = model.backbone().path(s.site, layer);
        for (const char* tensor : {".weight", ".bias"})
          if (model.backbone().store().loaded(path + tensor)) {
            const auto& view = model.backbone().store().at(path + tensor);
            report::Module& m = at(path);
            m.total += static_cast<std::int64_t>(view.size());
            if (m.shape.empty()) m.shape = shape(view.extent(0), view.extent(1));
          }
      }
  for (const Field& f : model.layout().fields()) {
    if (f.role != Role::trained) continue;
    const std::string path = f.module.empty() ? module_of(f.name) : f.module;
    report::Module& m = at(path);
    m.trainable += f.size();
    if (f.init.kind != Init::checkpoint) m.total += f.size();
    const bool head = path == "classifier";
    if (head && m.shape.empty()) m.shape = shape(f.rows, f.cols);
    m.attached = head ? "head" : label;
  }
  return list;
}

/// Is D a LoRA with gates that prune its ranks?
template <class D>
concept gated = peft::LowRank<D> && requires(typename D::template Params<peft::Mat<float>> p) { p.g; };

/// Trains as `fit` does.
inline constexpr auto plain_fit = [](auto& engine, const auto& data, const auto& options, const auto& score) {
  return peft::fit(engine, data, options, score);
};

/// Runs a whole job with one method. `label` is what the tree shows beside each of its modules.
template <class Task, class Method, class Train>
int run_with(const Job& job, Task task, Method method, const std::string& label, const Train& train) {
  using namespace peft;
  job.settings();
  using M = Model<Bert<float>, Method, Task>;
  using D = ContentsOf<M>;
  const Options& o = job.options;
  auto backbone = Bert<float>::open(o.model)->with_dropout(o.dropout, o.dropout, o.dropout);
  M model(backbone, task, method, o.seed);
  if (job.delta) {
    require(job.delta->method == o.method, o.load, ": holds a delta of method ", job.delta->method, "; give --method ", job.delta->method);
    require(job.delta->setting("pooling") == o.pooling, o.load, ": was trained with --pooling ", job.delta->setting("pooling"), "; give that");
    restore_tensors(model, job.delta->tensors, o.load);
  }
  if (job.adapter) {
    if constexpr (HasPeftFiles<D>)
      from_adapter(model, *job.adapter);
    else
      fail(o.load, ": holds an adapter of kind ", job.adapter->kind(), ", which --method ", o.method, " does not read");
  }

  Engine<M> engine(model, o.workers);
  const std::size_t step = engine.plan((o.batch > 0 ? o.batch : 64) * task.together(), job.longest(), o.epochs > 0);
  job.show_model(modules_of(model, label), label, model.head_from_checkpoint());
  std::vector<report::Buffer> buffers;
  const std::size_t workers = static_cast<std::size_t>(engine.workers());
  buffers.push_back({"activations and stash, per worker " + report::bytes(step), step * workers});
  buffers.push_back({"gradients of the groups", static_cast<std::uint64_t>(model.layout().group_size()) * sizeof(float) * workers});
  buffers.push_back({"gradient, moments", static_cast<std::uint64_t>(model.layout().gradient_size()) * sizeof(float) * 3});
  buffers.push_back({"values", static_cast<std::uint64_t>(model.layout().size()) * sizeof(float)});
  job.show_plan(buffers, engine.workers());

  FitOptions fit_options;
  fit_options.epochs = o.epochs;
  fit_options.lr = o.lr >= 0 ? o.lr : Entry::table().at(o.method).lr;
  fit_options.schedule = schedule_kind(o.schedule);
  fit_options.warmup = o.warmup;
  fit_options.optimizer.weight_decay = o.weight_decay;
  fit_options.clip = o.clip;
  fit_options.accumulate = o.accumulate;
  fit_options.seed = o.seed;
  fit_options.patience = o.patience;
  fit_options.resume = o.resume;
  fit_options.checkpoint_steps = o.checkpoint_steps;
  fit_options.identity = job.identity();
  const std::filesystem::path out = o.out;
  if (!o.out.empty() && o.epochs > 0) {
    std::filesystem::create_directories(out);
    fit_options.checkpoint = out / "run.safetensors";
  }
  fit_options.on_warning = [](const std::string& text) { std::cerr << "warning: " << text << "\n"; };

  typename Job::Result result;
  result.trainable = model.trainable();
  for (const report::Buffer& b : buffers) result.step_memory += b.bytes;
  result.total = model.total();
  std::vector<float> logits;
  const auto score = [&] {
    logits = predict(engine, *job.dev_tokens);
    return job.score(logits);
  };
  {
    ProgressBar bar;
    fit_options.on_step = bar;
    fit_options.on_epoch = [&](const EpochReport& r) {
      bar.clear();
      job.show_epoch(r, o.epochs);
    };
    result.history = train(engine, *job.loader, fit_options, score);
  }
  if (result.history.interrupted) {
    std::cerr << "stopped after step " << result.history.steps
              << (o.out.empty() ? "; nothing was saved (there is no --out)\n"
                                : "; the run is saved: the same command with --resume goes on where it stopped\n");
    return 128 + Interrupt::signal();
  }
  // The last epoch's scores and logits are those of the final values, unless an earlier epoch's were put back.
  const auto& epochs = result.history.epochs;
  const metric::Scores dev = logits.empty() || epochs.empty() || o.patience > 0 ? score() : epochs.back().dev;
  if (job.dev.labelled) result.dev = dev;

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
    if (!saved) save_peft(out, to_adapter(model, job.base_model()));
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
template <class Method, class Train = decltype(plain_fit)>
int run(const Job& job, Method method, const std::string& label, const Train& train = plain_fit) {
  if (job.reads_rows()) return run_with(job, job.rows_task(), method, label, train);
  return run_with(job, job.first_task(), method, label, train);
}
