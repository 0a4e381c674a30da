// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>

#include <peft/core/error.hpp>
#include <peft/core/inline.hpp>
#include <peft/train/batch_rules.hpp>

namespace peft {

PEFT_INLINE void check_length(const BatchRules& rules, int longest) {
  const int extra = rules.input_rows + rules.prefix_rows;
  require(longest + extra <= rules.positions, "a sequence of ", longest, " tokens",
          extra ? cat(" and ", extra, " virtual ones") : std::string(), " is longer than the backbone's ",
          rules.positions, " positions (or its window of attention); truncate with a smaller max_length");
}

PEFT_INLINE void check_batch(const BatchRules& rules, const Batch& batch) {
  require(batch.sequences() > 0, "a batch without sequences");
  require(batch.sequences() % rules.together == 0, "a batch of ", batch.sequences(), " sequences; each ",
          rules.together, " are one example");
  check_length(rules, batch.longest());
  for (std::size_t i = 0; i < batch.ids.size(); ++i)
    if (batch.ids[i] < 0 || batch.ids[i] >= rules.vocabulary)
      fail("token id ", batch.ids[i], " is outside the backbone's vocabulary of ", rules.vocabulary,
           "; does the tokenizer belong to this model?");
    else if (batch.types[i] < 0 || (rules.types > 1 && batch.types[i] >= rules.types))
      fail("segment type ", batch.types[i], " of a backbone with ", rules.types, " types");
  if (rules.pairs) {
    require(batch.decoder_offsets.size() == batch.offsets.size(), "a batch of ", batch.sequences(), " sequences has ",
            batch.decoder_offsets.size() - 1, " for the decoder; this backbone wants one each");
    for (const std::int32_t id : batch.decoder_ids)
      require(id >= 0 && id < rules.vocabulary, "the decoder's token id ", id,
              " is outside the backbone's vocabulary of ", rules.vocabulary);
  }
  if (rules.words)
    for (const double target : batch.targets)
      require(target < rules.vocabulary, "the target ", target, " is outside the backbone's vocabulary of ",
              rules.vocabulary);
  require(batch.slots.empty() || batch.slots.size() == batch.ids.size(), "a batch of ", batch.ids.size(),
          " tokens and ", batch.slots.size(), " slots of special tokens");
  require(
      !rules.marked || std::any_of(batch.slots.begin(), batch.slots.end(), [](int slot) { return slot >= 0; }),
      "the method acts on special tokens, and none are marked in a batch: take it from a tokenizer, or fill Batch::slots");
}

PEFT_INLINE Cuts cut_batch(const BatchRules& rules, const Batch& batch, const Grouping& grouping) {
  // Rows of both sides count.
  std::vector<std::int32_t> offsets = batch.offsets;
  if (rules.pairs)
    for (std::size_t s = 0; s < offsets.size(); ++s) offsets[s] += batch.decoder_offsets[s];
  Cuts cuts{cut_groups(offsets, grouping, rules.input_rows, rules.together), {}};
  for (std::size_t c = 1; c < cuts.at.size(); ++c) {
    GroupShape g{0, cuts.at[c] - cuts.at[c - 1], 0};
    for (int s = cuts.at[c - 1]; s < cuts.at[c]; ++s) {
      const int n = batch.offsets[s + 1] - batch.offsets[s];
      require(n > 0, "sequence ", s, " of a batch is empty");
      g.tokens += n;
      g.longest = std::max(g.longest, n);
      if (!rules.pairs) continue;
      const int m = batch.decoder_offsets[s + 1] - batch.decoder_offsets[s];
      require(m > 0, "sequence ", s, " of a batch has nothing for the decoder");
      g.decoder_tokens += m;
      g.decoder_longest = std::max(g.decoder_longest, m);
    }
    cuts.largest = grown(cuts.largest, g);
  }
  return cuts;
}

PEFT_INLINE GroupShape grown(const GroupShape& a, const GroupShape& b) {
  return {std::max(a.tokens, b.tokens), std::max(a.sequences, b.sequences), std::max(a.longest, b.longest),
          std::max(a.decoder_tokens, b.decoder_tokens), std::max(a.decoder_longest, b.decoder_longest)};
}

}  // namespace peft
