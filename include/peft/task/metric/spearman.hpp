// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <numeric>
#include <span>
#include <vector>

#include "peft/task/metric/pairs.hpp"
#include "peft/task/metric/pearson.hpp"

namespace peft::metric {

/// The rank of each value, 1 for the smallest; equal values share the average of their ranks
/// (scipy.stats.rankdata). The values must not be NaN.
inline std::vector<double> ranks(std::span<const double> values) {
  std::vector<std::size_t> order(values.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return values[a] < values[b]; });
  std::vector<double> rank(values.size());
  for (std::size_t begin = 0, end = 0; begin < order.size(); begin = end) {
    while (end < order.size() && values[order[end]] == values[order[begin]]) ++end;
    const double shared = 0.5 * static_cast<double>(begin + 1 + end);  // mean of begin + 1 .. end
    for (std::size_t i = begin; i < end; ++i) rank[order[i]] = shared;
  }
  return rank;
}

/// Spearman's rank correlation, in [-1, 1]: Pearson's correlation of the ranks, ties averaged (scipy.stats.spearmanr).
/// NaN, as in scipy, when either input is constant (a single example is) or contains a NaN.
/// Throws Error when the sizes differ or are 0.
inline double spearman(std::span<const double> predictions, std::span<const double> targets) {
  check_pairs("Spearman correlation", predictions, targets);
  const auto has_nan = [](std::span<const double> v) {
    return std::any_of(v.begin(), v.end(), [](double x) { return std::isnan(x); });
  };
  if (has_nan(predictions) || has_nan(targets)) return std::numeric_limits<double>::quiet_NaN();
  return pearson(ranks(predictions), ranks(targets));
}

}  // namespace peft::metric
