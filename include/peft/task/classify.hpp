// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cmath>
#include <cstdint>

#include <peft/ops/loss.hpp>
#include <peft/task/head.hpp>

namespace peft {

/// A linear classifier (labels > 1, cross-entropy) or regressor (labels = 1, squared error) on one vector per sequence:
/// the backbone's pooler over the first token, or the mean of all tokens.
template <Reads r>
struct Classifier {
  static_assert(r != Reads::rows, "peft::Classifier: one vector per sequence; every token by itself is peft::Tag");
  static constexpr Reads reads = r;

  Extent labels = 2;
  double initial_deviation = 0.02, lr_factor = 1;  // as LinearHead's

  template <class V>
  using Params = LinearHead::Params<V>;

  void declare(auto& fields, auto& p, const HeadPlace& at) const {
    LinearHead{labels, initial_deviation, lr_factor}.declare(fields, p, at);
  }
  constexpr Reads read() const { return r; }
  constexpr Extent together() const { return 1; }
  const char* architecture() const { return r == Reads::first ? "ForSequenceClassification" : ""; }
  bool regression() const { return labels == 1; }

  void check(const Batch& batch) const {
    require(batch.targets.size() == static_cast<std::size_t>(batch.sequences()), batch.targets.size(), " targets for ",
            batch.sequences(), " sequences; a classifier takes one each");
    for (std::size_t i = 0; i < batch.targets.size(); ++i) {
      const double target = batch.targets[i];
      if (regression())
        require(std::isfinite(target), "example ", batch.examples[i], ": the score ", target,
                " is not a finite number");
      else
        require(target >= 0 && target < labels && target == std::floor(target), "example ", batch.examples[i],
                ": the label ", target, " is out of range: classes are 0 to ", labels - 1);
    }
  }
  std::int64_t counted(const Batch& batch) const { return batch.sequences(); }

  /// Losses (n, 1) and their gradient (n, labels); each example weighs `weight`.
  void loss(auto& w, auto logits, auto targets, double weight, auto losses, auto dlogits) const {
    if (regression())
      ops::squared_error(w, logits, targets, weight, losses, dlogits);
    else
      ops::cross_entropy(w, logits, targets, weight, losses, dlogits);
  }
};

using Classify = Classifier<Reads::first>;
using ClassifyMean = Classifier<Reads::mean>;

}  // namespace peft
