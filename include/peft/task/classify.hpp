// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cmath>
#include <string>

#include <peft/core/fields.hpp>
#include <peft/ops/loss.hpp>

namespace peft {

/// The rows of the last layer that a task looks at. What nobody reads is not computed.
enum class Reads { first, mean };

/// A linear classifier (labels > 1, cross-entropy) or regressor (labels = 1, squared error) on one vector per sequence: the
/// backbone's pooler over the first token, or the mean of all tokens. W ~ N(0, initial_deviation^2), b = 0, both trained.
template <Reads r>
struct Classifier {
  static constexpr Reads reads = r;

  Extent labels = 2;
  double initial_deviation = 0.02;

  template <class V>
  struct Params {
    V w, b;  // (labels, d)  (1, labels)
  };

  void declare(auto& fields, auto& p, Extent width) const {
    require(labels >= 1, "Classify: labels = ", labels, ": one (regression) or more (classes)");
    fields.trained("classifier.weight", p.w, labels, width, normal(initial_deviation));
    fields.vector("classifier.bias", p.b, labels);
  }
  bool regression() const { return labels == 1; }

  /// Fails unless `target` is one that the loss can take.
  void check_target(double target, std::int64_t example) const {
    if (regression())
      require(std::isfinite(target), "example ", example, ": the score ", target, " is not a finite number");
    else
      require(target >= 0 && target < labels && target == std::floor(target), "example ", example, ": the label ", target,
              " is out of range: classes are 0 to ", labels - 1);
  }
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
