// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cmath>
#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include <peft/core/error.hpp>
#include <peft/data/dataset.hpp>
#include <peft/data/tokenized.hpp>
#include <peft/task/metric/entities.hpp>
#include <peft/task/metric/glue.hpp>

namespace peft {

/// The class of the greatest logit per row, or the score itself when there is one output. NaN where a logit is NaN.
template <class T>
std::vector<double> decide(const std::vector<T>& logits, std::size_t labels) {
  return metric::predict(std::span<const T>(logits), labels);
}

inline std::vector<double> targets_of(const Tokenized& data) {
  std::vector<double> out;
  for (std::size_t i = 0; i < data.size(); ++i) out.push_back(data.target(i));
  return out;
}

/// The tag of every word of a tagged data set, from logits (tokens, labels): that of its first piece; O, the first of `names`,
/// for a word without a piece, and where a logit is NaN.
template <class T>
std::vector<std::vector<std::string>> tags_of(const std::vector<T>& logits, const Tokenized& data, const std::vector<std::string>& names) {
  require(logits.size() == data.tokens() * names.size(), "tags: ", logits.size(), " logits for ", data.tokens(), " tokens and ",
          names.size(), " labels");
  const std::vector<double> classes = decide(logits, names.size());
  std::vector<std::vector<std::string>> out(data.size());
  for (std::size_t i = 0; i < data.size(); ++i)
    for (const std::int64_t row : data.words(i)) {
      const double found = row < 0 ? 0 : classes[static_cast<std::size_t>(row)];
      out[i].push_back(names[std::isnan(found) ? 0 : static_cast<std::size_t>(found)]);
    }
  return out;
}

/// Scores of entities; F1 is the main one. `labelled` is the data set that `data` was made of: every word of it counts, also
/// those that were cut off.
template <class T>
metric::Scores score_tags(const std::vector<T>& logits, const Tokenized& data, const Dataset& labelled) {
  metric::EntityCounts counts;
  const auto tags = tags_of(logits, data, labelled.label_names);
  for (std::size_t i = 0; i < data.size(); ++i) {
    std::vector<std::string> wanted;
    for (const std::int32_t tag : labelled.tags[static_cast<std::size_t>(data.example(i))])
      wanted.push_back(labelled.label_names.at(static_cast<std::size_t>(tag)));
    counts.add(tags[i], wanted);
  }
  return {{{"precision", counts.precision()}, {"recall", counts.recall()}, {"f1", counts.f1()}, {"accuracy", counts.accuracy()}},
          counts.f1(), "entity_f1"};
}

/// Accuracy of choices, from one logit per sequence.
template <class T>
metric::Scores score_choices(const std::vector<T>& logits, const Tokenized& data) {
  return metric::score(metric::Kind::Accuracy, decide(logits, static_cast<std::size_t>(data.together())), targets_of(data));
}

}  // namespace peft
