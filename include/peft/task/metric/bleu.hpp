// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "peft/core/error.hpp"
#include "peft/task/metric/texts.hpp"
#include "peft/task/metric/words_13a.hpp"

namespace peft::metric {

struct BleuOptions {
  bool lowercase = false;
};

/// Counts of a corpus from which BLEU comes (Papineni et al. 2002), of n = 1 to 4 words in a row.
struct BleuCounts {
  std::array<std::size_t, 4> right{},
      all{};  // those of the texts; right: as often as in the reference that has most of them
  std::size_t words = 0,
              reference_words = 0;  // the latter of the reference whose length is nearest, the shorter of two

  /// Adds a text. Throws Error without a reference.
  void add(std::string_view text, std::span<const std::string> references, const BleuOptions& options = {}) {
    require(!references.empty(), "BLEU: a text has no reference");
    const std::vector<std::string> own = words_13a::words(text, options.lowercase);
    const auto distance = [&](std::size_t n) { return n > own.size() ? n - own.size() : own.size() - n; };
    std::array<Counts, 4> most;
    std::size_t nearest = 0;
    for (std::size_t r = 0; r < references.size(); ++r) {
      const auto reference = words_13a::words(references[r], options.lowercase);
      const std::size_t n = reference.size();
      if (r == 0 || distance(n) < distance(nearest) || (distance(n) == distance(nearest) && n < nearest)) nearest = n;
      for (std::size_t order = 0; order < most.size(); ++order)
        for (const auto& [gram, count] : grams(reference, order + 1))
          most[order][gram] = std::max(most[order][gram], count);
    }
    for (std::size_t order = 0; order < most.size(); ++order)
      for (const auto& [gram, count] : grams(own, order + 1)) {
        all[order] += count;
        const auto found = most[order].find(gram);
        if (found != most[order].end()) right[order] += std::min(count, found->second);
      }
    words += own.size();
    reference_words += nearest;
  }

  /// The brevity penalty, in [0, 1].
  double brevity() const {
    if (words >= reference_words) return 1;
    return words == 0 ? 0 : std::exp(1 - static_cast<double>(reference_words) / static_cast<double>(words));
  }

  /// The geometric mean of the four precisions times `brevity`, in [0, 1]. A precision of 0 counts as 1/2 of one right,
  /// the next such as 1/4, and so on (sacrebleu's "exp"); without any word right, or any four in a row, the score is 0.
  double score() const {
    if (right[0] == 0) return 0;  // then there are no longer ones
    double sum = 0, part = 1;
    for (std::size_t order = 0; order < all.size(); ++order) {
      if (all[order] == 0) return 0;
      if (right[order] == 0) part /= 2;
      sum += std::log((right[order] == 0 ? part : static_cast<double>(right[order])) / static_cast<double>(all[order]));
    }
    return brevity() * std::exp(sum / static_cast<double>(all.size()));
  }

 private:
  using Counts = std::unordered_map<std::string, std::size_t>;

  // Every `order` words in a row, joined by spaces, which no word holds.
  static Counts grams(const std::vector<std::string>& words, std::size_t order) {
    Counts out;
    for (std::size_t i = 0; i + order <= words.size(); ++i) {
      std::string gram = words[i];
      for (std::size_t k = 1; k < order; ++k) gram += ' ' + words[i + k];
      ++out[gram];
    }
    return out;
  }
};

/// BLEU-4 of a corpus with any number of references per text, as sacrebleu has it by default (13a words, smoothing
/// "exp") but as a fraction: times 100 it is the number of papers. Throws Error when the sizes differ or are 0, or a
/// text has no reference.
inline double bleu(std::span<const std::string> texts, References references, const BleuOptions& options = {}) {
  BleuCounts counts;
  const std::size_t n = check_texts("BLEU", texts, references);
  for (std::size_t i = 0; i < n; ++i) counts.add(texts[i], references[i], options);
  return counts.score();
}

}  // namespace peft::metric
