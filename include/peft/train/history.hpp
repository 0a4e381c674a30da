// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
#include <vector>

#include <peft/task/metric/glue.hpp>

namespace peft {

/// One epoch, as reported.
struct EpochReport {
  int epoch = 0;  // counted from 1
  double loss = 0;  // mean over the epoch's steps
  metric::Scores dev;
  bool best = false;
};

/// The record of a run across resumes: a run that was stopped and resumed has the same as one that was not.
struct History {
  std::vector<EpochReport> epochs;
  std::int64_t steps = 0, examples = 0, tokens = 0;
  double seconds = 0;          // of training alone
  double cpu_seconds = 0;      // of the processes, over the same time
  std::vector<double> losses;  // of every step
  bool interrupted = false, stopped_early = false;

  double examples_per_second() const { return seconds > 0 ? static_cast<double>(examples) / seconds : 0; }
};

}  // namespace peft
