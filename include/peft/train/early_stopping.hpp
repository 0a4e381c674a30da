// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cmath>

#include "peft/core/error.hpp"

namespace peft {

/// Stops a run whose dev metric no longer improves: after `patience` evaluations in a row without a gain of more than
/// `min_delta` over the best one. A NaN metric is no gain.
class EarlyStopping {
 public:
  enum class Mode { Max, Min };  ///< whether a larger or a smaller metric is better

  /// All that changes: store it in a checkpoint and set it back to go on as if never stopped.
  struct State {
    double best = 0;   ///< meaningless until `any`
    int since = 0;     ///< evaluations since the best one
    bool any = false;  ///< whether there has been an evaluation that counts
    bool operator==(const State&) const = default;
  };

  /// `patience` 0 never stops, but still tells which evaluation is the best.
  /// Throws Error for a negative patience or min_delta.
  explicit EarlyStopping(int patience = 0, double min_delta = 0, Mode mode = Mode::Max)
      : patience_(patience), min_delta_(min_delta), mode_(mode) {
    require(patience >= 0, "early stopping: patience is ", patience, "; expected 0 (never) or a number of evaluations");
    require(std::isfinite(min_delta) && min_delta >= 0, "early stopping: min_delta is ", min_delta,
            "; expected 0 or more");
  }

  /// Takes the metric of one evaluation; true when it is the first, or better than the best by more than min_delta.
  bool update(double metric) {
    const double gain = mode_ == Mode::Max ? metric - state_.best : state_.best - metric;
    const bool better = !std::isnan(metric) && (!state_.any || gain > min_delta_);
    if (better)
      state_ = {.best = metric, .since = 0, .any = true};
    else
      ++state_.since;
    return better;
  }

  bool stop() const { return patience_ > 0 && state_.since >= patience_; }
  const State& state() const { return state_; }
  void state(const State& stored) { state_ = stored; }

 private:
  int patience_;
  double min_delta_;
  Mode mode_;
  State state_;
};

}  // namespace peft
