// SPDX-License-Identifier: Apache-2.0
#include "classes.hpp"

#include <algorithm>

using namespace peft;

std::string in_words(const std::vector<std::string>& names) {
  constexpr std::size_t most = 12;
  std::string text;
  for (std::size_t i = 0; i < std::min(names.size(), most); ++i) text += (i ? ", " : "") + names[i];
  return names.size() > most ? cat(text, ", .. (", names.size(), " in all)") : text;
}

KnownHead known_head(const Options& options, const BackboneFacts& facts, const std::optional<DeltaFile>& delta,
                     const PeftAdapter* adapter) {
  const std::string load = "--load " + options.load;
  if (delta) {
    const auto saved = delta->settings.find(labels_key);
    if (saved == delta->settings.end()) return {{}, load, false};
    return {from_label_text(saved->second, cat(options.load, ": ", labels_key)), load, true};
  }
  if (adapter && labels_of(*adapter)) return {labels_of(*adapter), load, true};
  // PEFT says what an adapter's classes are called by the config of its backbone.
  return {facts.labels, adapter ? "the checkpoint (" + load + " has no names)" : "the checkpoint", false};
}

namespace {

std::string note_of(const KnownHead& head, const LabelOrder& order, const Dataset& data) {
  using By = LabelOrder::By;
  if (!head.labels) return head.whose + " was saved without their names: they are taken to be these, in this order";
  const bool named = !labels_are_numbers(*head.labels);
  switch (order.by) {
    case By::Data:
      return named && !head.labels->empty() ? cat("not those of ", head.whose, ": ", in_words(*head.labels)) : "";
    case By::Names:
      return order.keeps_order() ? "as in " + head.whose : "in the order of " + head.whose + ", matched by name";
    case By::Numbers:
      return order.names == *head.labels
                 ? cat("those of ", head.whose, ", by number: ", in_words(data.label_names), " in the data")
                 : cat("by number: ", head.whose, " calls them ", in_words(*head.labels));
    case By::Both:
      return cat("matched by name with those of ", head.whose,
                 " where there is one, the others in their order: ", in_words(*head.labels));
  }
  return "";
}

}  // namespace

Classes classes_of(const KnownHead& head, const Dataset& data, bool more) {
  Classes classes{label_order(head.labels.value_or(std::vector<std::string>()), data.label_names, more), {}};
  if (head.saved) {
    const auto said = [](const std::vector<std::string>& names) {
      return names.empty() ? "scores" : "the classes " + in_words(names);
    };
    using By = LabelOrder::By;
    const bool same = head.labels->empty() ? data.regression
                                           : classes.order.by == By::Names || (classes.order.by == By::Numbers &&
                                                                               labels_are_numbers(data.label_names));
    require(same, data.source, ": it has ", said(data.label_names), ", but ", head.whose, " was trained on ",
            said(*head.labels), "; give data of these, spelled as there");
  }
  if (!data.regression) classes.note = note_of(head, classes.order, data);
  return classes;
}
