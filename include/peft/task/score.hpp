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

/// Logits of consecutive examples of a data set, row-major.
template <class T>
struct LogitPiece {
  std::size_t first = 0, count = 0;  // examples
  std::span<const T> logits;
};

/// The tag of every word of a tagged data set's examples, from their logits (tokens, labels): that of its first piece;
/// O, the first of `names`, for a word without a piece, and where a logit is NaN.
template <class T>
std::vector<std::vector<std::string>> tags_of(const LogitPiece<T>& piece, const Tokenized& data,
                                              const std::vector<std::string>& names) {
  const std::size_t begin = data.row(piece.first), tokens = data.row(piece.first + piece.count) - begin;
  require(piece.logits.size() == tokens * names.size(), "tags: ", piece.logits.size(), " logits for ", tokens,
          " tokens and ", names.size(), " labels");
  const std::vector<double> classes = metric::predict(piece.logits, names.size());
  std::vector<std::vector<std::string>> out(piece.count);
  for (std::size_t i = 0; i < piece.count; ++i)
    for (const std::int64_t row : data.words(piece.first + i)) {
      const double found = row < 0 ? 0 : classes[static_cast<std::size_t>(row) - begin];
      out[i].push_back(names[std::isnan(found) ? 0 : static_cast<std::size_t>(found)]);
    }
  return out;
}

/// Scores a data set from logits that arrive in pieces, in its order; of each example only the prediction is kept.
class Scorer {
 public:
  /// A class or a score per example; of choices one logit per sequence. Examples without logits do not count.
  Scorer(metric::Kind kind, std::size_t labels, const Tokenized& data)
      : data_(data),
        kind_(data.together() > 1 ? metric::Kind::Accuracy : kind),
        width_(data.together() > 1 ? static_cast<std::size_t>(data.together()) : labels) {}
  /// Entities of words; F1 is the main score. `labelled` is the data set that `data` was made of: every word of it
  /// counts, also those that were cut off.
  Scorer(const Tokenized& data, const Dataset& labelled) : data_(data), tagged_(&labelled) {}

  template <class T>
  void add(const LogitPiece<T>& piece) {
    if (tagged_ == nullptr) {
      const std::vector<double> some = metric::predict(piece.logits, width_);
      decided_.insert(decided_.end(), some.begin(), some.end());
      return;
    }
    const auto tags = tags_of(piece, data_, tagged_->label_names);
    for (std::size_t i = 0; i < tags.size(); ++i) {
      std::vector<std::string> wanted;
      for (const std::int32_t tag : tagged_->tags[static_cast<std::size_t>(data_.example(piece.first + i))])
        wanted.push_back(tagged_->label_names.at(static_cast<std::size_t>(tag)));
      counts_.add(tags[i], wanted);
    }
  }

  metric::Scores scores() const {
    if (tagged_ != nullptr)
      return {{{"precision", counts_.precision()},
               {"recall", counts_.recall()},
               {"f1", counts_.f1()},
               {"accuracy", counts_.accuracy()}},
              counts_.f1(),
              "entity_f1"};
    std::vector<double> targets(decided_.size());
    for (std::size_t i = 0; i < targets.size(); ++i) targets[i] = data_.target(i);
    return metric::score(kind_, decided_, targets);
  }

 private:
  const Tokenized& data_;
  metric::Kind kind_ = metric::Kind::Accuracy;
  std::size_t width_ = 1;
  const Dataset* tagged_ = nullptr;
  std::vector<double> decided_;
  metric::EntityCounts counts_;
};

}  // namespace peft
