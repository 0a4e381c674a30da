// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include <peft/core/inline.hpp>
#include <peft/data/tokenized_pairs.hpp>
#include <peft/task/language_model.hpp>
#include <peft/task/metric/glue.hpp>
#include <peft/train/engine.hpp>

namespace peft {

/// Computes the loss of every sequence of a batch; Engine::sequence_losses does.
using SequenceLosses = std::function<std::vector<double>(const Batch&)>;

/// Mean cross-entropy per target token, perplexity, and, as the main score (greater is better), the mean
/// log-likelihood of text pairs.
metric::Scores score_likelihood(const SequenceLosses& losses_of, const TokenizedPairs& data, std::size_t batch = 64);
template <class M>
metric::Scores score_likelihood(Engine<M>& engine, const TokenizedPairs& data, std::size_t batch = 64) {
  return score_likelihood([&](const Batch& b) { return engine.sequence_losses(b); }, data, batch);
}

/// Appends a prompt and an answer: one sequence of a causal model, or source and decoder rows.
void add_answer(Batch& b, std::span<const std::int32_t> prompt, const std::vector<std::int32_t>& answer, bool paired,
                std::int32_t start, std::int64_t example);

/// The loss of each class's words after each prompt, (pairs, classes). classes: the token ids of each, with their end.
std::vector<double> class_losses(const SequenceLosses& losses_of, const TokenizedPairs& data,
                                 const std::vector<std::vector<std::int32_t>>& classes, std::int32_t start,
                                 std::size_t batch = 64);
template <class M>
std::vector<double> class_losses(Engine<M>& engine, const TokenizedPairs& data,
                                 const std::vector<std::vector<std::int32_t>>& classes, std::int32_t start,
                                 std::size_t batch = 64) {
  return class_losses([&](const Batch& b) { return engine.sequence_losses(b); }, data, classes, start, batch);
}

/// The class of every row of `class_losses`: the one of least loss.
std::vector<double> likeliest_classes(std::span<const double> losses, std::size_t classes);

}  // namespace peft

#ifndef PEFT_SEPARATE
#include <peft/train/evaluate_pairs.ipp>
#endif
