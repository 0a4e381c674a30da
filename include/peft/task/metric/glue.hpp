// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <peft/task/metric/accuracy.hpp>
#include <peft/task/metric/f1.hpp>
#include <peft/task/metric/matthews.hpp>
#include <peft/task/metric/pearson.hpp>
#include <peft/task/metric/spearman.hpp>

namespace peft::metric {

/// What a task is scored by.
enum class Kind {
  Accuracy,
  Matthews,
  F1Accuracy,       ///< mean of F1 and accuracy
  PearsonSpearman,  ///< mean of Pearson's and Spearman's correlation, for a score instead of a class
};

/// Scores of one evaluation, as fractions: every part under its name, and the one number by which runs are compared.
struct Scores {
  std::vector<std::pair<std::string, double>> parts;
  double main = 0;
  std::string main_name;
};

/// GLUE's own choice per task (Wang et al., 2018, table 1): cola Matthews, mrpc and qqp F1 and accuracy, stsb Pearson
/// and Spearman; everything else, GLUE or not, accuracy. Upper case, '-' and '_' do not matter ("STS-B", "stsb").
Kind kind_of(std::string_view task);

/// The scores of `predictions` (class indices, or values for PearsonSpearman) against as many targets.
/// The main score is the mean of the parts; a correlation that is not defined (constant predictions) makes it NaN.
/// Throws Error when the sizes differ or are 0, and as the single metrics do.
Scores score(Kind kind, std::span<const double> predictions, std::span<const double> targets);

/// The class of each row of logits (examples, labels): the largest, the first of equals; NaN (no class) for a row
/// with a NaN in it, so that a diverged model scores no point by chance. With one label, the value itself.
/// Throws Error when the logits do not fill whole rows.
template <class T>
std::vector<double> predict(std::span<const T> logits, std::size_t labels) {
  require(labels > 0 && logits.size() % labels == 0, "predict: ", logits.size(), " logits are not rows of ", labels,
          " labels");
  std::vector<double> out;
  out.reserve(logits.size() / labels);
  for (std::size_t row = 0; row < logits.size(); row += labels) {
    std::size_t best = 0;
    bool defined = true;
    for (std::size_t k = 0; k < labels; ++k) {
      defined = defined && !std::isnan(static_cast<double>(logits[row + k]));
      if (logits[row + k] > logits[row + best]) best = k;
    }
    if (labels == 1)
      out.push_back(static_cast<double>(logits[row]));
    else
      out.push_back(defined ? static_cast<double>(best) : std::numeric_limits<double>::quiet_NaN());
  }
  return out;
}

/// The scores of logits (examples, labels) against one target per example; see `predict` and `score`.
/// PearsonSpearman takes one label, the others two or more; throws Error otherwise.
template <class T>
Scores score_logits(Kind kind, std::span<const T> logits, std::size_t labels, std::span<const double> targets) {
  const bool regression = kind == Kind::PearsonSpearman;
  require(regression == (labels == 1), "score_logits: a head with ", labels, " output(s) cannot be scored by ",
          regression ? "correlation, which takes 1" : "classes, which takes 2 or more");
  return score(kind, predict(logits, labels), targets);
}

}  // namespace peft::metric

#ifndef PEFT_SEPARATE
#include <peft/task/metric/glue.ipp>
#endif
