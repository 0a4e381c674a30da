// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cmath>
#include <cstdint>

#include <peft/ops/loss.hpp>
#include <peft/task/head.hpp>

namespace peft {

/// Token classification: a label for every token, cross-entropy over those that have one. A batch has a target per
/// token; a negative one is ignored (special tokens, and all but the first piece of a word: see Tokenized).
struct Tag : LinearHead {
  static constexpr Reads reads = Reads::rows;

  constexpr Reads read() const { return reads; }
  constexpr Extent together() const { return 1; }
  const char* architecture() const { return "ForTokenClassification"; }
  bool regression() const { return false; }

  void check(const Batch& batch) const {
    require(labels > 1, "Tag: labels = ", labels, ": a tagger needs two or more");
    require(batch.targets.size() == batch.ids.size(), batch.targets.size(), " targets for ", batch.ids.size(),
            " tokens; a tagger takes one each, negative where there is none");
    for (std::size_t i = 0, s = 0; i < batch.targets.size(); ++i) {
      while (static_cast<std::int32_t>(i) >= batch.offsets[s + 1]) ++s;
      const double target = batch.targets[i];
      require(target < labels && (target < 0 || target == std::floor(target)), "example ", batch.examples[s],
              ": the label ", target, " of a token is out of range: classes are 0 to ", labels - 1);
    }
  }
  std::int64_t counted(const Batch& batch) const {
    std::int64_t n = 0;
    for (const double target : batch.targets) n += target >= 0;
    return n;
  }

  /// Losses (n, 1) and their gradient (n, labels), zero where the target is negative.
  void loss(auto& w, auto logits, auto targets, double weight, auto losses, auto dlogits) const {
    ops::cross_entropy(w, logits, targets, weight, losses, dlogits);
  }
};

}  // namespace peft
