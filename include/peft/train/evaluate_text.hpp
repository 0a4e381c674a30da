// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include <peft/core/inline.hpp>
#include <peft/data/glue_text.hpp>
#include <peft/data/tokenized_pairs.hpp>
#include <peft/model/generate.hpp>
#include <peft/task/metric/glue.hpp>
#include <peft/train/engine.hpp>

namespace peft {

/// Turns token ids into text; Tokenizer::decode does.
using Decode = std::function<std::string(std::span<const std::int32_t>)>;

/// Continues each prompt, up to and including the end token; Generator does.
using Continue =
    std::function<std::vector<std::vector<std::int32_t>>(std::span<const std::vector<std::int32_t>> prompts)>;

/// What the model generates for every pair of `data`, in its order, without the end token (`options.eos`). Prompts of
/// similar length are batched, which changes no result. Derived tensors must be up to date
/// (Engine::prepare).
std::vector<std::string> write_texts(const Continue& ids_after, const TokenizedPairs& data, std::span<const int> eos,
                                     const Decode& decode);
template <class M>
std::vector<std::string> write_texts(const M& model, const TokenizedPairs& data, const GenerateOptions& options,
                                     const Decode& decode) {
  return write_texts(
      [&](std::span<const std::vector<std::int32_t>> prompts) { return generate(model, prompts, options); }, data,
      std::span<const int>(options.eos), decode);
}

/// BLEU, ROUGE-L and exact match of texts against the references of `data`, all in [0, 1]; BLEU is the main one.
metric::Scores score_texts(std::span<const std::string> texts, const TokenizedPairs& data);

/// The scores of a GLUE task from generated answers. A text that names no class counts as wrong. `labels`: by example
/// of the data set, PairDataset::labels.
metric::Scores score_answers(std::span<const std::string> texts, const TokenizedPairs& data, const GlueText& task,
                             std::span<const double> labels);

/// Generates and scores: BLEU, ROUGE-L and exact match.
template <class M>
metric::Scores evaluate_text(const Engine<M>& engine, const TokenizedPairs& data, const GenerateOptions& options,
                             const Decode& decode) {
  return score_texts(write_texts(engine.model(), data, options, decode), data);
}
/// Generates and scores: the answers of a GLUE task.
template <class M>
metric::Scores evaluate_text(const Engine<M>& engine, const TokenizedPairs& data, const GenerateOptions& options,
                             const Decode& decode, const GlueText& task, std::span<const double> labels) {
  return score_answers(write_texts(engine.model(), data, options, decode), data, task, labels);
}

}  // namespace peft

#ifndef PEFT_SEPARATE
#include <peft/train/evaluate_text.ipp>
#endif
