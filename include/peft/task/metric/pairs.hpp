// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstddef>
#include <span>

#include "peft/core/error.hpp"

namespace peft::metric {

/// The precondition of every metric: as many predictions as targets, and at least one. Returns their number.
/// Throws Error otherwise (an empty mean is a mistake of the caller, not a score).
inline std::size_t check_pairs(const char* metric, std::span<const double> predictions,
                               std::span<const double> targets) {
  require(predictions.size() == targets.size(), metric, ": ", predictions.size(), " predictions for ", targets.size(),
          " targets; expected one prediction per target");
  require(!targets.empty(), metric, ": no examples to score; give at least one (is the split empty?)");
  return targets.size();
}

}  // namespace peft::metric
