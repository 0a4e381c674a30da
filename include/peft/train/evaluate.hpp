// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <vector>

#include <peft/data/tokenized.hpp>
#include <peft/task/score.hpp>
#include <peft/train/engine.hpp>

namespace peft {

/// Logits, row-major, of a whole data set in its order, without dropout: a row of `labels` per sequence, or per token where
/// the task reads every row.
template <class M>
std::vector<typename M::T> predict(Engine<M>& engine, const Tokenized& data, std::size_t batch = 64) {
  std::vector<typename M::T> logits;
  for (std::size_t begin = 0; begin < data.size(); begin += batch) {
    Batch b;
    for (std::size_t i = begin; i < std::min(begin + batch, data.size()); ++i) data.add_to(b, i);
    const auto part = engine.predict(b);
    logits.insert(logits.end(), part.begin(), part.end());
  }
  return logits;
}

/// The scores of a classifier on a labelled data set; for other tasks see score_tags and score_choices.
template <class M>
metric::Scores evaluate(Engine<M>& engine, const Tokenized& data, metric::Kind kind) {
  const auto logits = predict(engine, data);
  return metric::score(kind, decide(logits, static_cast<std::size_t>(engine.model().task().labels)), targets_of(data));
}

}  // namespace peft
