// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cmath>
#include <cstdint>

#include <peft/core/error.hpp>
#include <peft/data/batch.hpp>
#include <peft/task/head.hpp>

namespace peft {

/// The next word after every row, cross-entropy over the vocabulary: of a causal backbone, or of a decoder that is
/// taught with the right words before. A batch has one target per row (per decoder row where there is an encoder); a
/// negative one is ignored, so that the loss can be that of completions alone. Trains nothing of its own: words are
/// read off as in the checkpoint.
struct LanguageModel {
  static constexpr Reads reads = Reads::words;

  template <class V>
  struct Params {};
  void declare(auto&, auto&, const HeadPlace&) const {}

  constexpr Reads read() const { return reads; }
  constexpr Extent together() const { return 1; }
  const char* architecture() const { return "ForCausalLM"; }
  bool regression() const { return false; }

  void check(const Batch& batch) const {
    const std::size_t n = batch.decoder_offsets.size() > 1 ? batch.decoder_ids.size() : batch.ids.size();
    require(batch.targets.size() == n, batch.targets.size(), " targets for ", n,
            " rows; a language model takes one each, negative where there is none");
    for (const double target : batch.targets)
      require(target < 0 || target == std::floor(target), "the target ", target, " is no token id");
  }
  std::int64_t counted(const Batch& batch) const {
    std::int64_t n = 0;
    for (const double target : batch.targets) n += target >= 0;
    return n;
  }
};

}  // namespace peft
