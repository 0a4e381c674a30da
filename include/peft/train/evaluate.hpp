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

/// Computes the logits of a batch; Engine::predict does.
template <class T>
using LogitsOf = std::function<std::vector<T>(const Batch&)>;

/// Logits of the first `count` examples of a data set, in its order and without dropout, batch by batch: only one
/// batch's are in memory. A row of `labels` per sequence, or per token where the task reads every row.
template <class T>
void predict_pieces(const LogitsOf<T>& logits_of, const Tokenized& data,
                    const std::function<void(const LogitPiece<T>&)>& use, std::size_t batch = 64,
                    std::size_t count = static_cast<std::size_t>(-1));

/// The logits of the whole data set, row-major.
template <class T>
std::vector<T> predict(const LogitsOf<T>& logits_of, const Tokenized& data, std::size_t batch = 64);
template <class M>
std::vector<typename M::T> predict(Engine<M>& engine, const Tokenized& data, std::size_t batch = 64) {
  using T = typename M::T;
  return predict<T>([&](const Batch& b) { return engine.predict(b); }, data, batch);
}

/// The largest absolute difference between two models' logits on a data set; NaN if either has one.
double largest_difference(const LogitsOf<float>& a, const LogitsOf<float>& b, const Tokenized& data);

/// The scores of a classifier or chooser on a labelled data set; for a tagger use a Scorer.
template <class M>
metric::Scores evaluate(Engine<M>& engine, const Tokenized& data, metric::Kind kind) {
  using T = typename M::T;
  Scorer scorer(kind, static_cast<std::size_t>(engine.model().task().labels), data);
  predict_pieces<T>([&](const Batch& b) { return engine.predict(b); }, data,
                    [&](const LogitPiece<T>& piece) { scorer.add(piece); });
  return scorer.scores();
}

}  // namespace peft

#ifndef PEFT_SEPARATE
#include <peft/train/evaluate.ipp>
#endif
