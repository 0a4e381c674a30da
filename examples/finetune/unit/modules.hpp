// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <peft/model/peft_backbone.hpp>
#include <peft/model/peft_files.hpp>
#include <peft/model/tensor_store.hpp>
#include <peft/report/plan.hpp>
#include <peft/report/tree.hpp>
#include <peft/train/engine.hpp>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "job.hpp"
#include "run_memory.hpp"

/// What the tree and the plan at the beginning of a run say of a model, whatever its type.
struct ModelFacts {
  const peft::TensorStore<float, peft::Host>& frozen;       // of the backbone
  std::function<std::string(peft::Site, int layer)> path;  // of a module of the backbone
  int layers = 0;
  const peft::Layout& layout;  // of what was added
  std::int64_t trainable = 0, total = 0;
  std::string head;  // where it is from; "" where it is fresh
  bool fresh_pooler = false;
  const std::vector<std::string>& notes;  // of the checkpoint
  int workers = 0;
};

template <class Backbone>
std::function<std::string(peft::Site, int)> paths_of(const Backbone& backbone) {
  return [&backbone](peft::Site site, int layer) { return backbone.path(site, layer); };
}
/// Valid as long as the engine's model is.
template <class M>
ModelFacts facts_of(const peft::Engine<M>& engine) {
  const M& model = engine.model();
  return {model.backbone().store(),
          paths_of(model.backbone()),
          model.backbone().layers(),
          model.layout(),
          model.trainable(),
          model.total(),
          model.head_from_checkpoint() ? "the checkpoint's own" : "",
          model.fresh_pooler(),
          model.backbone().notes(),
          engine.workers()};
}

/// The modules of a model for the printed tree: the backbone's tensors by module, what is trained of them, what was
/// added.
std::vector<peft::report::Module> modules_of(const ModelFacts& model, const std::string& label);

/// The memory plan of a step: what `step` bytes per worker are, and what stays.
std::vector<peft::report::Buffer> memory_of(const ModelFacts& model, std::size_t step);

/// The checkpoint as the command line wants it, with what --load's adapter replaces in it.
template <class Backbone>
std::shared_ptr<const Backbone> open_backbone(const Job& job) {
  const Options& o = job.options;
  auto backbone = Backbone::open(o.model, [&](const peft::LoadSizes& sizes) {
                    foresee_loading(job, sizes);
                  })->with_dropout(o.dropout, o.dropout, o.dropout);
  if (o.drop_layers > 0) backbone = backbone->without_last_layers(o.drop_layers);
  if (job.delta && job.delta->settings.contains(peft::pooler_key) && backbone->has_pooler())
    backbone = backbone->without_pooler();
  if (!job.adapter) return backbone;
  std::vector<std::string> notes;
  backbone = peft::with_adapter(std::move(backbone), job.adapter, notes);
  for (const std::string& text : notes) job.notes.add(text);
  return backbone;
}

/// Fills a fresh model with what --load gave. Did that have all of the task's head?
template <class M>
bool load_into(M& model, const Job& job) {
  using namespace peft;
  if (job.delta) {
    peft_files::require_settings(settings_of(model), job.delta->settings, job.options.load);
    return restore_tensors(model, job.delta->tensors, job.options.load).empty();
  }
  if (!job.adapter) return false;
  if constexpr (HasPeftFiles<ContentsOf<M>>) {
    const std::vector<std::string> lacking = from_adapter(model, *job.adapter);
    require(lacking.empty() || model.head_from_checkpoint() || job.options.epochs > 0, job.options.load,
            ": the adapter has no head, or not all of it (", lacking.empty() ? "" : lacking.front(),
            " is missing), nor has ", job.options.model,
            " one for this task: a fresh one would predict at random; train it (--epochs 1 or more)");
    return lacking.empty();
  } else {
    fail(job.options.load, ": holds an adapter of kind ", kind_of(*job.adapter), ", which --method ",
         job.options.method, " does not read");
  }
}
