// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cmath>
#include <cstddef>
#include <span>

#include "peft/task/metric/pairs.hpp"

namespace peft::metric {

/// F1 of class 1 among the classes 0 and 1: 2 tp / (2 tp + fp + fn), in [0, 1] (van Rijsbergen, Information
/// Retrieval, 1979; scikit-learn's `f1_score` with average="binary").
/// 0 when class 1 occurs neither among the predictions nor among the targets, as in scikit-learn.
/// A NaN prediction is a wrong one: fn where the target is 1, else fp. Throws Error when the sizes differ or are 0,
/// or when another class occurs.
inline double f1(std::span<const double> predictions, std::span<const double> targets) {
  const std::size_t n = check_pairs("F1", predictions, targets);
  const auto binary = [](double x) { return x == 0 || x == 1; };
  std::size_t both = 0, wrong = 0;  // true positives; false positives and false negatives
  for (std::size_t i = 0; i < n; ++i) {
    const double p = predictions[i], t = targets[i];
    require(binary(t) && (binary(p) || std::isnan(p)), "F1: example ", i, " has prediction ", p, " and target ", t,
            "; binary F1 knows the classes 0 and 1 only, use accuracy for more");
    both += p == 1 && t == 1;
    wrong += p != t;
  }
  if (both == 0) return 0;
  return 2.0 * static_cast<double>(both) / (2.0 * static_cast<double>(both) + static_cast<double>(wrong));
}

}  // namespace peft::metric
