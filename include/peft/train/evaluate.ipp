// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <peft/data/in_batches.hpp>
#include <peft/train/evaluate.hpp>

namespace peft {

template <class T>
std::vector<T> predict(const std::function<std::vector<T>(const Batch&)>& logits_of, const Tokenized& data, std::size_t batch) {
  std::vector<T> logits;
  in_batches(data, batch, [&](const Batch& b) {
    const std::vector<T> part = logits_of(b);
    logits.insert(logits.end(), part.begin(), part.end());
  });
  return logits;
}

#ifdef PEFT_SEPARATE
template std::vector<float> predict(const std::function<std::vector<float>(const Batch&)>&, const Tokenized&, std::size_t);
template std::vector<double> predict(const std::function<std::vector<double>(const Batch&)>&, const Tokenized&, std::size_t);
#endif

}  // namespace peft
