// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <peft/train/evaluate.hpp>

#include "job.hpp"

/// Opens what --export has written as a plain model, and compares its dev logits with `own`, piece by piece: the
/// largest difference. Compiled once for each family (exported.cpp.in).
double compare_exported(const Job& job, const peft::LogitsOf<float>& own);

template <class Backbone, class Task>
double compare_exported_as(const Job& job, const peft::LogitsOf<float>& own, const Task& task) {
  using namespace peft;
  using Plain = Model<Backbone, Method<>, Task>;
  Plain merged(Backbone::open(job.options.export_to), {}, task);
  require(merged.head_from_checkpoint(), job.options.export_to, ": the exported head is not there");
  Engine<Plain> engine(merged, job.options.workers);
  return largest_difference(own, [&](const Batch& batch) { return engine.predict(batch); }, *job.dev_tokens);
}

template <class Backbone>
double compare_exported_with(const Job& job, const peft::LogitsOf<float>& own) {
  return job.reads_rows() ? compare_exported_as<Backbone>(job, own, job.rows_task())
                          : compare_exported_as<Backbone>(job, own, job.first_task());
}
