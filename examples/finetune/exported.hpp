// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <peft/train/evaluate.hpp>

#include <map>
#include <string>
#include <vector>

#include "job.hpp"

/// Opens what --export has written as a plain model, and gives its dev logits. A unit that runs the head alone on a family, which is
/// the same model, holds one object of this type for it.
struct Exported {
  using Predict = std::vector<float> (*)(const Job&);

  Exported(const char* family, Predict predict) { table()[family] = predict; }
  static std::map<std::string, Predict>& table() {
    static std::map<std::string, Predict> families;
    return families;
  }
};

template <class Backbone, class Task>
std::vector<float> predict_exported_with(const Job& job, const Task& task) {
  using namespace peft;
  using Plain = Model<Backbone, Method<>, Task>;
  Plain merged(Backbone::open(job.options.export_to), task);
  require(merged.head_from_checkpoint(), job.options.export_to, ": the exported head is not there");
  Engine<Plain> engine(merged, job.options.workers);
  return predict(engine, *job.dev_tokens);
}

template <class Backbone>
std::vector<float> predict_exported(const Job& job) {
  return job.reads_rows() ? predict_exported_with<Backbone>(job, job.rows_task()) : predict_exported_with<Backbone>(job, job.first_task());
}
