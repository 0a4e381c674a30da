// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <peft/data/in_batches.hpp>
#include <peft/model/tensor_store.hpp>
#include <peft/train/engine.hpp>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "job.hpp"

// The memory of a run, in Job::memory: each need is added when its size is known and before it is taken, and what a
// limit does not leave is refused then. In the order of these functions.

/// When the data are read: what the process has, and what is about to be opened.
void foresee_start(const Job& job);

/// When the checkpoint's files are mapped: the tensors that have to be copied.
void foresee_loading(const Job& job, const peft::LoadSizes& sizes);

/// A backbone as its memory depends on it.
struct BackboneUse {
  const peft::TensorStore<float, peft::Host>& store;
  std::string words;        // the tensor in which ids are looked up
  bool reads_words = false;  // all of it is read: words are read off with it
};
template <class Backbone>
BackboneUse use_of(const Backbone& backbone) {
  return {backbone.store(), backbone.path(peft::Site::word_table, -1) + ".weight", Backbone::spec.causal};
}

/// When a model's tensors are listed: of the checkpoint what they leave to be read, and all that is as large as they
/// are.
void foresee_tensors(const Job& job, const BackboneUse& backbone, const peft::Layout& layout);

/// What a worker needs for steps.
struct StepRoom {
  std::size_t reserved = 0;            // bytes
  std::size_t training = 0, looking = 0;  // of these, what the run's groups write to
};
void foresee_steps(const Job& job, const StepRoom& room);

/// The largest groups that the run's batches are cut into.
struct LargestGroups {
  peft::GroupShape training, looking;  // in steps, and where no gradient is wanted
};
LargestGroups largest_groups(const Job& job, const std::function<peft::GroupShape(const peft::Batch&)>& of);

/// Makes room for the run's steps, once it has been foreseen; bytes per worker.
template <class M>
std::size_t plan_steps(const Job& job, peft::Engine<M>& engine) {
  const Options& o = job.options;
  const int sequences = (o.batch > 0 ? o.batch : 64) * engine.model().task().together(), longest = job.longest(),
            other = job.decoder_longest();
  const bool training = o.epochs > 0 || M::Task::reads == peft::Reads::words;
  const LargestGroups groups =
      largest_groups(job, [&](const peft::Batch& batch) { return engine.largest_group(batch); });
  StepRoom room{engine.foresee(sequences, longest, training, other), 0, 0};
  if (groups.training.sequences > 0) room.training = engine.foresee(groups.training, true);
  if (groups.looking.sequences > 0) room.looking = engine.foresee(groups.looking, M::Task::reads == peft::Reads::words);
  foresee_steps(job, room);
  return engine.plan(sequences, longest, training, other);
}

/// What writing the run's texts takes; `of`: of prompts, which are sorted by their length.
void foresee_texts(const Job& job,
                   const std::function<std::size_t(std::span<const std::vector<std::int32_t>> prompts)>& of);

/// Workers that --workers asks for, by the library's rule.
int workers_of(const Options& options);
