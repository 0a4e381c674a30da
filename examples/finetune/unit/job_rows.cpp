// SPDX-License-Identifier: Apache-2.0
#include "job.hpp"

#include <iostream>
#include <utility>

#include <peft/data/read_task.hpp>
#include <peft/data/split_files.hpp>

using namespace peft;

// The data of a backbone that reads.

namespace {

/// `options.labels`, in the reader's terms.
LabelKind label_kind(const Options& options) {
  return options.labels == "classes"  ? LabelKind::Classes
         : options.labels == "scores" ? LabelKind::Scores
                                      : LabelKind::Automatic;
}

/// Files of the task that the command line names.
struct Files {
  const Options& options;

  Dataset split(const std::string& name, Labels labels, const Dataset* train = nullptr) const {
    return read_task(options.task, options.data, name, labels, train, label_kind(options));
  }
  std::optional<Dataset> split_if_there(const std::string& name, Labels labels, const Dataset* train = nullptr) const {
    if (options.data.empty()) return {};
    try {
      return split(name, labels, train);
    } catch (const NoSuchSplit&) {
      return {};
    }
  }
  bool asked() const { return !options.predict_from.empty() || !options.split.empty(); }
  /// What --predict is about.
  Dataset asked(Labels labels, const Dataset* train = nullptr) const {
    if (options.predict_from.empty()) return split(options.split.empty() ? "dev" : options.split, labels, train);
    return read_task_file(options.task, options.predict_from, Labels::Ignored, train, label_kind(options));
  }
};

/// What a training file would say: the file that is asked for has texts of the same kind, a saved head its classes.
Dataset without_training_file(const Files& files, const KnownHead& head) {
  const Options& o = files.options;
  Dataset data = files.asked(Labels::Ignored);
  data.source = head.whose;
  data.examples.clear();
  if (o.task == "choice") return data;
  const bool glue = is_glue_task(o.task);
  require(glue || head.labels.has_value(), "--load ", o.load,
          ": it was saved without the names of its classes; give --data, the folder with its training file");
  data.label_names = glue ? glue_task(o.task).labels : *head.labels;
  data.regression = data.label_names.empty();
  return data;
}

}  // namespace

void Job::read_rows() {
  const Options& o = options;
  const bool trains = o.epochs > 0;
  const Files files{o};
  const KnownHead head = known_head(o, facts, delta, adapter.get());

  std::optional<Dataset> read =
      trains ? files.split("train", Labels::Required) : files.split_if_there("train", Labels::Required);
  train = read ? std::move(*read) : without_training_file(files, head);
  Dataset known = train;  // other files have the classes as this one
  known.examples.clear();
  if (train.together == 1) {
    classes = classes_of(head, train, !trains || head.saved);
    if (!train.regression) reorder_labels(train, classes.order);
    // Ids stay ids there, whatever the head calls them; in all else the run's order serves from the start.
    if (classes.order.by != LabelOrder::By::Numbers) known.label_names = train.label_names;
  }
  const auto in_order = [&](Dataset data) {
    if (!data.regression && data.label_names != train.label_names) reorder_labels(data, classes.order);
    return data;
  };
  if (files.asked()) asked = in_order(files.asked(Labels::Optional, &known));
  if (trains || !asked)
    dev = in_order(files.split("dev", Labels::Optional, &known));
  else if (auto there = files.split_if_there("dev", Labels::Optional, &known))
    dev = in_order(std::move(*there));
  else
    dev = *std::exchange(asked, std::nullopt);
  if (train.regression && kind == metric::Kind::Accuracy) kind = metric::Kind::PearsonSpearman;

  TokenizeOptions cut;
  cut.max_length = o.max_length;
  cut.model_max_length = facts.longest;
  const auto tokens_of = [&](const Dataset& data, const std::string& name) {
    auto tokens = std::make_unique<Tokenized>(data, *tokenizer, cut);
    if (const std::size_t lost = tokens->lost_words(); lost > 0)
      std::cerr << "warning: " << lost << " " << name << " words have no token within --max-length " << o.max_length
                << "; they count as tagged O\n";
    tell(data.source, data.notes, tokens->cut());
    return tokens;
  };
  dev_tokens = tokens_of(dev, "dev");
  if (asked) asked_tokens = tokens_of(*asked, o.split.empty() ? o.predict_from : o.split);
  if (train.examples.empty()) return;
  cut.limit = o.limit;
  cut.seed = o.seed;
  loader = std::make_unique<Loader>(Tokenized(train, *tokenizer, cut), batches());
  tell(train.source, train.notes, loader->data().cut());
  train.examples.clear();
  train.examples.shrink_to_fit();
}
