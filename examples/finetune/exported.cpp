// SPDX-License-Identifier: Apache-2.0
#include <peft/model/bert.hpp>
#include <peft/train/evaluate.hpp>

#include "job.hpp"

namespace {

template <class Task>
std::vector<float> predict_with(const Job& job, const Task& task) {
  using namespace peft;
  using Plain = Model<Bert<float>, Method<>, Task>;
  Plain merged(Bert<float>::open(job.options.export_to), task);
  require(merged.head_from_checkpoint(), job.options.export_to, ": the exported head is not there");
  Engine<Plain> engine(merged, job.options.workers);
  return predict(engine, *job.dev_tokens);
}

}  // namespace

std::vector<float> Job::predict_exported() const {
  return reads_rows() ? predict_with(*this, rows_task()) : predict_with(*this, first_task());
}
