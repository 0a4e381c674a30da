// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <peft/train/evaluate.hpp>

#include <map>
#include <string>

#include "job.hpp"

/// Opens what --export has written as a plain model, and compares its dev logits with `own`, piece by piece: the
/// largest difference. A unit that runs the head alone on a family, which is the same model, holds one object of this
/// type for it.
struct Exported {
  using Own = peft::LogitsOf<float>;
  using Compare = double (*)(const Job&, const Own& own);

  Exported(const char* family, Compare compare) { table()[family] = compare; }
  static std::map<std::string, Compare>& table() {
    static std::map<std::string, Compare> families;
    return families;
  }
};

template <class Backbone, class Task>
double compare_exported_with(const Job& job, const Exported::Own& own, const Task& task) {
  using namespace peft;
  using Plain = Model<Backbone, Method<>, Task>;
  Plain merged(Backbone::open(job.options.export_to), task);
  require(merged.head_from_checkpoint(), job.options.export_to, ": the exported head is not there");
  Engine<Plain> engine(merged, job.options.workers);
  return largest_difference(own, [&](const Batch& batch) { return engine.predict(batch); }, *job.dev_tokens);
}

template <class Backbone>
double compare_exported(const Job& job, const Exported::Own& own) {
  return job.reads_rows() ? compare_exported_with<Backbone>(job, own, job.rows_task())
                          : compare_exported_with<Backbone>(job, own, job.first_task());
}
