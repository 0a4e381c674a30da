// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstddef>
#include <functional>
#include <vector>

#include <peft/core/inline.hpp>
#include <peft/data/tokenized.hpp>
#include <peft/task/score.hpp>
#include <peft/train/engine.hpp>

namespace peft {

/// Logits, row-major, of a whole data set in its order; `logits_of` gives those of a batch.
template <class T>
std::vector<T> predict(const std::function<std::vector<T>(const Batch&)>& logits_of, const Tokenized& data, std::size_t batch = 64);

/// Logits, row-major, of a whole data set in its order, without dropout: a row of `labels` per sequence, or per token where
/// the task reads every row.
template <class M>
std::vector<typename M::T> predict(Engine<M>& engine, const Tokenized& data, std::size_t batch = 64) {
  using T = typename M::T;
  return predict<T>([&](const Batch& b) { return engine.predict(b); }, data, batch);
}

/// The scores of a classifier on a labelled data set; for other tasks see score_tags and score_choices.
template <class M>
metric::Scores evaluate(Engine<M>& engine, const Tokenized& data, metric::Kind kind) {
  const auto logits = predict(engine, data);
  return metric::score(kind, decide(logits, static_cast<std::size_t>(engine.model().task().labels)), targets_of(data));
}

}  // namespace peft

#ifndef PEFT_SEPARATE
#include <peft/train/evaluate.ipp>
#endif
