// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <numeric>

#include <peft/task/metric/bleu.hpp>
#include <peft/task/metric/exact_match.hpp>
#include <peft/task/metric/rouge_l.hpp>
#include <peft/train/evaluate_text.hpp>

namespace peft {

PEFT_INLINE std::vector<std::string> write_texts(const Continue& ids_after, const TokenizedPairs& data,
                                                 std::span<const int> eos, const Decode& decode) {
  std::vector<std::size_t> order(data.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return data.prompt(a).size() < data.prompt(b).size(); });
  std::vector<std::vector<std::int32_t>> prompts;
  for (const std::size_t i : order) prompts.emplace_back(data.prompt(i).begin(), data.prompt(i).end());
  const auto made = ids_after(prompts);
  std::vector<std::string> texts(data.size());
  for (std::size_t k = 0; k < order.size(); ++k) {
    std::span<const std::int32_t> ids = made[k];
    if (std::find(eos.begin(), eos.end(), ids.back()) != eos.end()) ids = ids.first(ids.size() - 1);
    texts[order[k]] = decode(ids);
  }
  return texts;
}

PEFT_INLINE metric::Scores score_texts(std::span<const std::string> texts, const TokenizedPairs& data) {
  std::vector<std::vector<std::string>> references;
  for (std::size_t i = 0; i < data.size(); ++i) references.push_back(data.references(i));
  const double bleu = metric::bleu(texts, references);
  return {{{"bleu", bleu},
           {"rouge_l", metric::rouge_l(texts, references)},
           {"exact_match", metric::exact_match(texts, references)}},
          bleu,
          "bleu"};
}

PEFT_INLINE metric::Scores score_answers(std::span<const std::string> texts, const TokenizedPairs& data,
                                         const GlueText& task, std::span<const double> labels) {
  require(texts.size() == data.size(), texts.size(), " texts for ", data.size(), " pairs");
  std::vector<double> answers, wanted;
  for (std::size_t i = 0; i < data.size(); ++i) {
    require(data.example(i) < static_cast<std::int64_t>(labels.size()), "example ", data.example(i),
            " of a data set with ", labels.size(), " labels");
    answers.push_back(task.answer(texts[i]));
    wanted.push_back(labels[static_cast<std::size_t>(data.example(i))]);
  }
  return metric::score(metric::kind_of(task.task.name), answers, wanted);
}

}  // namespace peft
