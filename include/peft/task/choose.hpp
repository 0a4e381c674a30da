// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cmath>
#include <cstdint>

#include <peft/ops/loss.hpp>
#include <peft/task/head.hpp>

namespace peft {

/// Multiple choice: an example is `choices` sequences, one after another; each gets one logit from the pooler over its
/// first token, and the softmax runs over the example's. A batch has one target per example, the index of the right
/// choice. The bias adds the same to all choices: it is there for Hugging Face's layout, and its gradient is zero.
struct Choose : LinearHead {
  static constexpr Reads reads = Reads::first;

  Extent choices = 2;

  explicit Choose(Extent choices = 2, double initial_deviation = 0.02, double lr_factor = 1)
      : LinearHead{1, initial_deviation, lr_factor}, choices(choices) {}

  constexpr Reads read() const { return reads; }
  Extent together() const { return choices; }
  const char* architecture() const { return "ForMultipleChoice"; }
  bool regression() const { return false; }

  void check(const Batch& batch) const {
    require(choices > 1 && labels == 1, "Choose: ", choices, " choices and labels = ", labels,
            ": two or more choices, one output for each");
    require(batch.targets.size() * static_cast<std::size_t>(choices) == static_cast<std::size_t>(batch.sequences()),
            batch.targets.size(), " targets for ", batch.sequences(), " sequences; each ", choices,
            " sequences are one example");
    for (std::size_t i = 0; i < batch.targets.size(); ++i) {
      const double target = batch.targets[i];
      require(target >= 0 && target < choices && target == std::floor(target), "example ",
              batch.examples[i * static_cast<std::size_t>(choices)] / choices, ": the choice ", target,
              " is out of range: choices are 0 to ", choices - 1);
    }
  }
  std::int64_t counted(const Batch& batch) const { return batch.sequences() / choices; }

  /// Losses (n, 1) and their gradient, from logits (n choices, 1).
  void loss(auto& w, auto logits, auto targets, double weight, auto losses, auto dlogits) const {
    const auto rows_of = [&](auto m) { return decltype(m)(m.data(), rows(targets), choices); };
    ops::cross_entropy(w, rows_of(logits), targets, weight, losses, rows_of(dlogits));
  }
};

}  // namespace peft
