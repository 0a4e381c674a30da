// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <cmath>

#include <peft/core/finite.hpp>
#include <peft/data/in_batches.hpp>
#include <peft/train/evaluate_pairs.hpp>

namespace peft {

PEFT_INLINE metric::Scores score_likelihood(const SequenceLosses& losses_of, const TokenizedPairs& data,
                                            std::size_t batch) {
  double loss = 0;
  std::int64_t counted = 0;
  in_batches(data, batch, [&](const Batch& b) {
    for (const double l : losses_of(b)) loss += l;
    counted += LanguageModel{}.counted(b);
  });
  loss /= static_cast<double>(std::max<std::int64_t>(counted, 1));
  return {{{"loss", loss}, {"perplexity", std::exp(loss)}}, -loss, "log_likelihood"};
}

PEFT_INLINE void add_answer(Batch& b, std::span<const std::int32_t> prompt, const std::vector<std::int32_t>& answer,
                            bool paired, std::int32_t start, std::int64_t example) {
  std::vector<std::int32_t> ids(prompt.begin(), prompt.end());
  std::vector<double> targets(answer.begin(), answer.end());
  if (paired) {
    std::vector<std::int32_t> decoder{start};
    decoder.insert(decoder.end(), answer.begin(), answer.end() - 1);
    const std::vector<std::int32_t> types(ids.size(), 0);
    return b.add_pair(ids, types, decoder, targets, example);
  }
  ids.insert(ids.end(), answer.begin(), answer.end());
  targets.insert(targets.begin(), prompt.size() - 1, -1);
  targets.push_back(-1);
  b.add(ids, std::vector<std::int32_t>(ids.size(), 0), targets, example);
}

PEFT_INLINE std::vector<double> class_losses(const SequenceLosses& losses_of, const TokenizedPairs& data,
                                             const std::vector<std::vector<std::int32_t>>& classes, std::int32_t start,
                                             std::size_t batch) {
  std::vector<double> all(data.size() * classes.size());
  for (std::size_t c = 0; c < classes.size(); ++c) {
    const auto add = [&](Batch& b, std::size_t i) {
      add_answer(b, data.prompt(i), classes[c], data.paired(), start, data.example(i));
    };
    in_batches(data.size(), batch, add, [&](const Batch& b, std::size_t first) {
      const std::vector<double> losses = losses_of(b);
      for (std::size_t i = 0; i < losses.size(); ++i) all[(first + i) * classes.size() + c] = losses[i];
    });
  }
  return all;
}

PEFT_INLINE std::vector<double> likeliest_classes(std::span<const double> losses, std::size_t classes) {
  const std::size_t odd = first_not_finite(losses);
  require(odd == losses.size(), "the loss of class ", odd % classes, " of row ", odd / classes,
          " is not finite; no class is the likeliest");
  std::vector<double> chosen;
  for (std::size_t at = 0; at < losses.size(); at += classes)
    chosen.push_back(static_cast<double>(std::min_element(losses.begin() + at, losses.begin() + at + classes) -
                                         losses.begin() - at));
  return chosen;
}

}  // namespace peft
