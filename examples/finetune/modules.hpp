// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <peft/model/peft_files.hpp>
#include <peft/report/numbers.hpp>
#include <peft/report/plan.hpp>
#include <peft/report/tree.hpp>
#include <peft/train/engine.hpp>
#include <peft/train/progress.hpp>

#include <map>
#include <memory>
#include <string>
#include <vector>

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
    if (has(Kind::linear | Kind::norm | Kind::table | Kind::fixed, s.kind))
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
    const bool head = f.module.empty();
    if (head && m.shape.empty()) m.shape = shape(f.rows, f.cols);
    m.attached = head ? "head" : label;
  }
  return list;
}

/// Is D a LoRA with gates that prune its ranks?
template <class D>
concept gated = peft::LowRank<D> && requires(typename D::template Params<peft::Mat<float>> p) { p.g; };

/// The memory plan of a step: what `step` bytes per worker are, and what stays.
template <class M>
std::vector<peft::report::Buffer> memory_of(peft::Engine<M>& engine, std::size_t step) {
  const auto& layout = engine.model().layout();
  const std::uint64_t workers = static_cast<std::uint64_t>(engine.workers());
  return {{"activations and stash, per worker " + peft::report::bytes(step), step * workers},
          {"gradients of the groups", static_cast<std::uint64_t>(layout.group_size()) * sizeof(float) * workers},
          {"gradient, moments", static_cast<std::uint64_t>(layout.gradient_size()) * sizeof(float) * 3},
          {"values", static_cast<std::uint64_t>(layout.size()) * sizeof(float)}};
}

/// The checkpoint as the command line wants it.
template <class Backbone>
std::shared_ptr<const Backbone> open_backbone(const Options& o) {
  auto backbone = Backbone::open(o.model)->with_dropout(o.dropout, o.dropout, o.dropout);
  return o.drop_layers > 0 ? backbone->without_last_layers(o.drop_layers) : backbone;
}

/// Fills a fresh model with what --load gave.
template <class M>
void load_into(M& model, const Job& job) {
  using namespace peft;
  if (job.delta) restore_tensors(model, job.delta->tensors, job.options.load);
  if (!job.adapter) return;
  if constexpr (HasPeftFiles<ContentsOf<M>>)
    from_adapter(model, *job.adapter);
  else
    fail(job.options.load, ": holds an adapter of kind ", kind_of(*job.adapter), ", which --method ", job.options.method, " does not read");
}

/// Shows a model and the plan of its steps, `step` bytes per worker; what the run's result says of both.
template <class M>
Job::Result begin_run(const Job& job, peft::Engine<M>& engine, std::size_t step, const std::string& label) {
  const M& model = engine.model();
  job.show_model(modules_of(model, label), label, model.head_from_checkpoint());
  const std::vector<peft::report::Buffer> buffers = memory_of(engine, step);
  job.show_plan(buffers, engine.workers());
  Job::Result result;
  result.trainable = model.trainable();
  result.total = model.total();
  for (const peft::report::Buffer& b : buffers) result.step_memory += b.bytes;
  return result;
}

/// train(options), which fits a model, with a bar and a line per epoch.
template <class Train>
peft::History with_progress(const Job& job, Train&& train) {
  using namespace peft;
  FitOptions options = job.fit_options(Entry::table().at(job.options.method).lr);
  ProgressBar bar;
  options.on_step = bar;
  options.on_epoch = [&](const EpochReport& r) {
    bar.clear();
    job.show_epoch(r, job.options.epochs);
  };
  return train(options);
}
