// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <span>
#include <vector>

#include <peft/data/tokenized.hpp>
#include <peft/task/metric/glue.hpp>
#include <peft/train/engine.hpp>

namespace peft {

/// Logits (examples, labels), row-major, of a whole data set in its order, without dropout.
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

/// The class of the greatest logit per row, or the score itself when there is one output. NaN where a logit is NaN.
template <class T>
std::vector<double> decide(const std::vector<T>& logits, std::size_t labels) {
  return metric::predict(std::span<const T>(logits), labels);
}

inline std::vector<double> targets_of(const Tokenized& data) {
  std::vector<double> out;
  for (std::size_t i = 0; i < data.size(); ++i) out.push_back(data.target(i));
  return out;
}

/// The task's scores on a labelled data set.
template <class M>
metric::Scores evaluate(Engine<M>& engine, const Tokenized& data, metric::Kind kind) {
  const auto logits = predict(engine, data);
  return metric::score(kind, decide(logits, static_cast<std::size_t>(engine.model().task().labels)), targets_of(data));
}

}  // namespace peft
