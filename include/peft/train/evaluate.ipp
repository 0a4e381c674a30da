// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <cmath>

#include <peft/core/finite.hpp>
#include <peft/data/in_batches.hpp>
#include <peft/train/evaluate.hpp>

namespace peft {

template <class T>
void predict_pieces(const LogitsOf<T>& logits_of, const Tokenized& data,
                    const std::function<void(const LogitPiece<T>&)>& use, std::size_t batch, std::size_t count) {
  count = std::min(count, data.size());
  in_batches(
      count, batch, [&](Batch& b, std::size_t i) { data.add_to(b, i); },
      [&](const Batch& b, std::size_t first) {
        const std::vector<T> logits = logits_of(b);
        use({first, std::min(batch, count - first), logits});
      });
}

template <class T>
std::vector<T> predict(const LogitsOf<T>& logits_of, const Tokenized& data, std::size_t batch) {
  std::vector<T> logits;
  predict_pieces<T>(
      logits_of, data,
      [&](const LogitPiece<T>& piece) { logits.insert(logits.end(), piece.logits.begin(), piece.logits.end()); },
      batch);
  return logits;
}

PEFT_INLINE double largest_difference(const LogitsOf<float>& a, const LogitsOf<float>& b, const Tokenized& data) {
  double largest = 0;
  in_batches(data, 64, [&](const Batch& batch) {
    const double here = largest_difference(a(batch), b(batch));
    if (!(here <= largest) && !std::isnan(largest)) largest = here;  // a NaN stays
  });
  return largest;
}

#ifdef PEFT_SEPARATE
template void predict_pieces(const LogitsOf<float>&, const Tokenized&,
                             const std::function<void(const LogitPiece<float>&)>&, std::size_t, std::size_t);
template void predict_pieces(const LogitsOf<double>&, const Tokenized&,
                             const std::function<void(const LogitPiece<double>&)>&, std::size_t, std::size_t);
template std::vector<float> predict(const LogitsOf<float>&, const Tokenized&, std::size_t);
template std::vector<double> predict(const LogitsOf<double>&, const Tokenized&, std::size_t);
#endif

}  // namespace peft
