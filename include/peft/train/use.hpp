// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <cmath>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <peft/data/loader.hpp>
#include <peft/model/peft_files.hpp>
#include <peft/train/evaluate.hpp>
#include <peft/train/fit.hpp>

/// What one does with a model, one call each, on every core and with an engine of its own.
namespace peft {

/// What a head is scored by where nothing else is said: classes by accuracy, scores by correlations.
template <class M>
metric::Kind usual_score(const M& model) {
  return model.outputs() == 1 ? metric::Kind::PearsonSpearman : metric::Kind::Accuracy;
}

/// The scores of a classifier, regressor or chooser on labelled data; `kind` beside accuracy for classes, correlations
/// for scores.
template <class Backbone, class Method, class Task>
metric::Scores evaluate(Model<Backbone, Method, Task>& model, const Tokenized& dev, metric::Kind kind) {
  Engine<Model<Backbone, Method, Task>> engine(model);
  engine.prepare();
  return evaluate(engine, dev, kind);
}
template <class Backbone, class Method, class Task>
metric::Scores evaluate(Model<Backbone, Method, Task>& model, const Tokenized& dev) {
  return evaluate(model, dev, usual_score(model));
}

/// Trains, with the scores of `dev` after every epoch: `{.patience = 2}` stops where they no longer rise, and keeps the
/// best epoch's values.
template <class Backbone, class Method, class Task, class Data, class O = AdamW>
History fit(Model<Backbone, Method, Task>& model, const Data& train, const Tokenized& dev,
            const FitOptionsWith<O>& options) {
  Engine<Model<Backbone, Method, Task>> engine(model);
  return fit(engine, train, options, [&] { return evaluate(engine, dev, usual_score(model)); });
}

/// What a classifier or regressor says of a text.
struct Prediction {
  std::string label;  // the class by its name, or by its number where no names are given
  std::size_t index = 0;  // of the class
  double score = 0;  // of a regressor
  std::vector<double> probabilities;  // by class; none of a regressor
};
template <class Backbone, class Method, class Task>
Prediction predict(Model<Backbone, Method, Task>& model, const Tokenizer& tokenizer, std::string_view text,
                   const std::vector<std::string>& names = {}) {
  static_assert(Task::reads == Reads::first || Task::reads == Reads::mean,
                "peft::predict: one text, one answer: a task with one vector per sequence (Classify, ClassifyMean)");
  const auto labels = static_cast<std::size_t>(model.outputs());
  require(names.empty() || names.size() == labels, "predict: ", names.size(), " names of classes for a head of ",
          labels);
  Batch batch;
  batch.add(tokenizer.encode(text, {}, model.backbone().longest()), 0);
  Engine<Model<Backbone, Method, Task>> engine(model, 1);
  engine.prepare();
  const auto logits = engine.predict(batch);
  Prediction found;
  if (labels == 1) {
    found.score = static_cast<double>(logits[0]);
    return found;
  }
  const auto most = std::max_element(logits.begin(), logits.end());
  double sum = 0;
  for (const auto z : logits) sum += found.probabilities.emplace_back(std::exp(static_cast<double>(z - *most)));
  for (double& p : found.probabilities) p /= sum;
  found.index = static_cast<std::size_t>(most - logits.begin());
  found.label = names.empty() ? std::to_string(found.index) : names[found.index];
  return found;
}

/// A model that was saved, with the names of its classes where they were saved, too.
template <class M>
struct Loaded {
  std::unique_ptr<M> model;
  std::vector<std::string> labels{};

  Prediction predict(const Tokenizer& tokenizer, std::string_view text) const {
    return peft::predict(*model, tokenizer, text, labels);
  }
};

/// A model of what `save` has left in a folder: `load<Tune>(backbone, "out")`. Where the folder is an adapter in PEFT's
/// files, settings, places and ranks (LoRA<Dynamic>) come from it; our own file must be of `method`'s settings. The
/// head has as many classes as were saved. Throws Error as `load` into a model.
template <class Tune, class Task = Classify, class Backbone>
Loaded<Model<Backbone, Tune, Task>> load(const std::shared_ptr<const Backbone>& backbone,
                                         const std::filesystem::path& folder, Tune method = {}, Task task = {}) {
  using M = Model<Backbone, Tune, Task>;
  Loaded<M> loaded;
  const std::string head =
      std::string(Task::reads == Reads::first && Backbone::Family::dense_in_head ? Backbone::Family::head_out
                                                                                 : Backbone::Family::classifier) +
      ".weight";
  std::int64_t classes = 0;
  HeadLabels names;
  if (has_delta(folder)) {
    const DeltaFile file = load_delta(folder);
    classes = rows_of(file.tensors, head);
    if (const auto known = file.settings.find(labels_key); known != file.settings.end())
      names = from_label_text(known->second, folder.string());
  } else if constexpr (HasPeftFiles<ContentsOf<typename M::Adapter>>) {
    const auto adapter = peft_files::open_adapter(folder);
    classes = rows_of_tensor(*adapter, head);
    names = labels_of(*adapter);
    if constexpr (std::tuple_size_v<decltype(method.deltas)> == 1)
      configure_from(*adapter, std::get<0>(method.deltas));
    else
      configure_from(*adapter, method);
  }
  if constexpr (requires { task.labels = Extent(1); })
    if (classes > 0) task.labels = static_cast<Extent>(classes);
  loaded.model = std::make_unique<M>(backbone, method, task);
  load(*loaded.model, folder);
  loaded.labels = names.value_or(std::vector<std::string>{});
  return loaded;
}

}  // namespace peft
