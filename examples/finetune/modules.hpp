// SPDX-License-Identifier: Apache-2.0
#pragma once
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

/// What the tree and the plan at the beginning of a run say of a model, whatever its type.
struct ModelFacts {
  const peft::TensorStore<float, peft::Host>& frozen;       // of the backbone
  std::function<std::string(peft::Site, int layer)> path;  // of a module of the backbone
  int layers = 0;
  const peft::Layout& layout;  // of what was added
  std::int64_t trainable = 0, total = 0;
  bool head_from_checkpoint = false;
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
  return {model.backbone().store(), paths_of(model.backbone()), model.backbone().layers(), model.layout(),
          model.trainable(),        model.total(),              model.head_from_checkpoint(), engine.workers()};
}

/// The modules of a model for the printed tree: the backbone's tensors by module, what is trained of them, what was added.
std::vector<peft::report::Module> modules_of(const ModelFacts& model, const std::string& label);

/// The memory plan of a step: what `step` bytes per worker are, and what stays.
std::vector<peft::report::Buffer> memory_of(const ModelFacts& model, std::size_t step);

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
