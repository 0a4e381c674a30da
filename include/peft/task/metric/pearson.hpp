// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <numeric>
#include <span>

#include "peft/task/metric/pairs.hpp"

namespace peft::metric {

/// Pearson's linear correlation, in [-1, 1]: sum (x - mean x)(y - mean y) / (|x - mean x| |y - mean y|)
/// (scipy.stats.pearsonr). Computed in two passes, so that a large common offset costs no digits.
/// NaN, as in scipy, when either input is constant or contains a NaN, and also for a single example, which scipy
/// refuses: the correlation is not defined there. Throws Error when the sizes differ or are 0.
inline double pearson(std::span<const double> predictions, std::span<const double> targets) {
  const std::size_t n = check_pairs("Pearson correlation", predictions, targets);
  // Compared with the first value, not with the mean: the mean of equal values need not be that value.
  const auto constant = [](std::span<const double> v) {
    return std::all_of(v.begin(), v.end(), [&](double x) { return x == v.front(); });
  };
  if (constant(predictions) || constant(targets)) return std::numeric_limits<double>::quiet_NaN();
  const auto mean = [n](std::span<const double> v) {
    return std::accumulate(v.begin(), v.end(), 0.0) / static_cast<double>(n);
  };
  const double mean_p = mean(predictions), mean_t = mean(targets);
  double cross = 0, square_p = 0, square_t = 0;
  for (std::size_t i = 0; i < n; ++i) {
    const double p = predictions[i] - mean_p, t = targets[i] - mean_t;
    cross += p * t;
    square_p += p * p;
    square_t += t * t;
  }
  const double r = cross / (std::sqrt(square_p) * std::sqrt(square_t));
  return std::isnan(r) ? r : std::clamp(r, -1.0, 1.0);
}

}  // namespace peft::metric
