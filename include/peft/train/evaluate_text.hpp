// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <numeric>
#include <span>
#include <string>
#include <vector>

#include <peft/data/glue_text.hpp>
#include <peft/data/tokenized_pairs.hpp>
#include <peft/model/generate.hpp>
#include <peft/task/metric/bleu.hpp>
#include <peft/task/metric/exact_match.hpp>
#include <peft/task/metric/glue.hpp>
#include <peft/task/metric/rouge_l.hpp>
#include <peft/train/engine.hpp>

namespace peft {

/// Turns ids into text, perhaps Tokenizer::decode.
using Decode = std::function<std::string(std::span<const std::int32_t>)>;

/// What the model writes for every pair of `data`, in its order; an end of `options.eos` is no part of the text. Prompts of like
/// lengths are written together, which enters no result. Derived tensors must be up to date (Engine::prepare).
template <class M>
std::vector<std::string> write_texts(const M& model, const TokenizedPairs& data, const GenerateOptions& options, const Decode& decode) {
  std::vector<std::size_t> order(data.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return data.prompt(a).size() < data.prompt(b).size(); });
  std::vector<std::vector<std::int32_t>> prompts;
  for (const std::size_t i : order) prompts.emplace_back(data.prompt(i).begin(), data.prompt(i).end());
  const auto made = Generator<M>(model)(prompts, options).ids;
  std::vector<std::string> texts(data.size());
  for (std::size_t k = 0; k < order.size(); ++k) {
    std::span<const std::int32_t> ids = made[k];
    if (std::find(options.eos.begin(), options.eos.end(), ids.back()) != options.eos.end()) ids = ids.first(ids.size() - 1);
    texts[order[k]] = decode(ids);
  }
  return texts;
}

/// BLEU, ROUGE-L and exact match of texts against the references of `data`, all in [0, 1]; BLEU is the main one.
inline metric::Scores score_texts(std::span<const std::string> texts, const TokenizedPairs& data) {
  std::vector<std::vector<std::string>> references;
  for (std::size_t i = 0; i < data.size(); ++i) references.push_back(data.references(i));
  const double bleu = metric::bleu(texts, references);
  return {{{"bleu", bleu}, {"rouge_l", metric::rouge_l(texts, references)}, {"exact_match", metric::exact_match(texts, references)}}, bleu, "bleu"};
}

/// The scores of a GLUE task from answers in words. A text that names no class is wrong. `labels`: by example of the data set,
/// PairDataset::labels.
inline metric::Scores score_answers(std::span<const std::string> texts, const TokenizedPairs& data, const GlueText& task, std::span<const double> labels) {
  require(texts.size() == data.size(), texts.size(), " texts for ", data.size(), " pairs");
  std::vector<double> answers, wanted;
  for (std::size_t i = 0; i < data.size(); ++i) {
    require(data.example(i) < static_cast<std::int64_t>(labels.size()), "example ", data.example(i), " of a data set with ", labels.size(), " labels");
    answers.push_back(task.answer(texts[i]));
    wanted.push_back(labels[static_cast<std::size_t>(data.example(i))]);
  }
  return metric::score(metric::kind_of(task.task.name), answers, wanted);
}

/// Writes and scores in one: BLEU, ROUGE-L and exact match.
template <class M>
metric::Scores evaluate_text(const Engine<M>& engine, const TokenizedPairs& data, const GenerateOptions& options, const Decode& decode) {
  return score_texts(write_texts(engine.model(), data, options, decode), data);
}
/// Writes and scores in one: the answers of a GLUE task.
template <class M>
metric::Scores evaluate_text(const Engine<M>& engine, const TokenizedPairs& data, const GenerateOptions& options, const Decode& decode, const GlueText& task,
                             std::span<const double> labels) {
  return score_answers(write_texts(engine.model(), data, options, decode), data, task, labels);
}

}  // namespace peft
