// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <numbers>
#include <string_view>

#include "peft/core/error.hpp"

namespace peft {

enum class ScheduleKind { Constant, Linear, Cosine };

inline const char* name(ScheduleKind kind) {
  switch (kind) {
    case ScheduleKind::Constant: return "constant";
    case ScheduleKind::Linear: return "linear";
    case ScheduleKind::Cosine: return "cosine";
  }
  return "unknown";
}

/// The schedule of that name. Throws Error with the names that exist.
inline ScheduleKind schedule_kind(std::string_view text) {
  for (const auto kind : {ScheduleKind::Constant, ScheduleKind::Linear, ScheduleKind::Cosine})
    if (text == name(kind)) return kind;
  fail("schedule '", text, "' does not exist; choose constant, linear or cosine");
}

/// Steps of warm-up: below 1 a fraction of `total`, rounded down; from 1 on a number of steps, which must be whole.
/// Throws Error for anything else.
inline std::int64_t warmup_steps(double warmup, std::int64_t total) {
  require(std::isfinite(warmup) && warmup >= 0, "warm-up is ", warmup,
          "; expected a fraction in [0, 1) or a number of steps");
  if (warmup < 1) return static_cast<std::int64_t>(warmup * static_cast<double>(total));
  require(warmup == std::floor(warmup) && warmup < 9e15, "warm-up is ", warmup,
          "; from 1 on it is a number of steps and must be whole (below 1 it is a fraction)");
  return static_cast<std::int64_t>(warmup);
}

/// The factor on the learning rate at each optimizer step. After a linear rise over `warmup` steps it stays at 1, falls
/// linearly to 0, or falls as half a cosine to 0. The same numbers as transformers' get_constant_schedule_with_warmup,
/// get_linear_schedule_with_warmup and get_cosine_schedule_with_warmup (num_cycles 0.5).
struct Schedule {
  ScheduleKind kind = ScheduleKind::Constant;
  std::int64_t warmup = 0;  ///< steps; see warmup_steps for a fraction
  std::int64_t total = 0;  ///< steps of the whole run, warm-up included; unused by Constant

  /// The factor of update number `step`, counted from 0: with warm-up the first update has factor 0, as in
  /// transformers. Past `total`, Linear stays at 0 and Cosine goes on along its curve.
  double factor(std::int64_t step) const {
    if (step < warmup) return static_cast<double>(step) / static_cast<double>(std::max<std::int64_t>(1, warmup));
    const auto span = static_cast<double>(std::max<std::int64_t>(1, total - warmup));
    switch (kind) {
      case ScheduleKind::Linear: return std::max(0.0, static_cast<double>(total - step) / span);
      case ScheduleKind::Cosine: {
        const double progress = static_cast<double>(step - warmup) / span;
        return std::max(0.0, 0.5 * (1.0 + std::cos(std::numbers::pi * 0.5 * 2.0 * progress)));
      }
      case ScheduleKind::Constant: break;
    }
    return 1.0;
  }
};

}  // namespace peft
