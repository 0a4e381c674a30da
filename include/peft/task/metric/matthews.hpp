// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cmath>
#include <cstddef>
#include <limits>
#include <map>
#include <span>

#include "peft/task/metric/pairs.hpp"

namespace peft::metric {

/// Matthews' correlation of two classifications, in [-1, 1], for any number of classes: the R_K statistic
///   (c n - sum_k p_k t_k) / sqrt((n^2 - sum_k p_k^2) (n^2 - sum_k t_k^2))
/// with n examples, c of them right, p_k predicted and t_k labelled as class k (Gorodkin, Comp. Biol. Chem. 28, 2004;
/// with two classes the formula of Matthews, 1975; scikit-learn's `matthews_corrcoef`).
/// 0 when the denominator is 0, that is when all predictions or all targets are one class, as in scikit-learn.
/// NaN predictions are a class of their own, always wrong. Throws Error when the sizes differ or are 0.
inline double matthews(std::span<const double> predictions, std::span<const double> targets) {
  struct Class {
    double predicted = 0, labelled = 0;
  };
  constexpr double none = -std::numeric_limits<double>::infinity();  // NaN cannot be a key of a map
  const std::size_t n = check_pairs("Matthews correlation", predictions, targets);
  std::map<double, Class> classes;
  double right = 0;
  for (std::size_t i = 0; i < n; ++i) {
    require(!std::isnan(targets[i]), "Matthews correlation: the target of example ", i, " is NaN");
    classes[std::isnan(predictions[i]) ? none : predictions[i]].predicted += 1;
    classes[targets[i]].labelled += 1;
    right += predictions[i] == targets[i];
  }
  const double all = static_cast<double>(n);
  double cross = right * all, spread_p = all * all, spread_t = all * all;  // integers, exact up to 2^53
  for (const auto& [name, k] : classes) {
    cross -= k.predicted * k.labelled;
    spread_p -= k.predicted * k.predicted;
    spread_t -= k.labelled * k.labelled;
  }
  return spread_p == 0 || spread_t == 0 ? 0 : cross / (std::sqrt(spread_p) * std::sqrt(spread_t));
}

}  // namespace peft::metric
