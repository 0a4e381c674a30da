// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstddef>
#include <span>

#include "peft/task/metric/pairs.hpp"

namespace peft::metric {

/// The share of predictions equal to their target, in [0, 1] (scikit-learn's `accuracy_score`).
/// A NaN prediction equals nothing and is wrong. Throws Error when the sizes differ or are 0.
inline double accuracy(std::span<const double> predictions, std::span<const double> targets) {
  const std::size_t n = check_pairs("accuracy", predictions, targets);
  std::size_t right = 0;
  for (std::size_t i = 0; i < n; ++i) right += predictions[i] == targets[i];
  return static_cast<double>(right) / static_cast<double>(n);
}

}  // namespace peft::metric
