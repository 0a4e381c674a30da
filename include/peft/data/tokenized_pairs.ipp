// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <peft/core/error.hpp>
#include <peft/core/inline.hpp>
#include <peft/core/interrupt.hpp>
#include <peft/data/batch.hpp>
#include <peft/data/pair_dataset.hpp>
#include <peft/data/pair_options.hpp>
#include <peft/data/selection.hpp>
#include <peft/data/tokenized_pairs.hpp>
#include <peft/text/tokenizer.hpp>
#include <span>
#include <string>
#include <vector>

namespace peft {

PEFT_INLINE TokenizedPairs TokenizedPairs::causal(const PairDataset& data, const Tokenizer& tokenizer,
                                                  const CausalOptions& options) {
  check_length("max_length", options.max_length);
  require(options.max_prompt == 0 || options.max_prompt > static_cast<int>(options.start.size()),
          "max_prompt = ", options.max_prompt, ": more than the ", options.start.size(),
          " tokens of start, or 0 for any number");
  TokenizedPairs out(data, options.limit, options.seed, false);
  for (const std::int64_t index : out.examples_) {
    const TextPair& pair = data.pairs[static_cast<std::size_t>(index)];
    const std::string place = out.begin(data, index);
    Ids prompt = tokenizer.ids(cat(options.before_source, pair.source, options.after_source));
    Ids target = data.labelled ? tokenizer.ids(options.before_target + pair.target) : Ids();
    if (data.labelled) require(!target.empty(), place, "the target has no tokens");
    if (data.labelled && options.eos >= 0) target.push_back(options.eos);
    out.cut_ += fit_causal(place, prompt, target, options);
    out.append_causal(options.start, prompt, target);
    out.check_ids(place, options.vocabulary);
  }
  out.check_fits(data, options.model_max_length);
  return out;
}

PEFT_INLINE TokenizedPairs TokenizedPairs::sequence_to_sequence(const PairDataset& data, const Tokenizer& tokenizer,
                                                                const SequenceToSequenceOptions& options) {
  check_length("max_source", options.max_source);
  check_length("max_target", options.max_target);
  require(options.start >= 0, "start = ", options.start,
          ": a decoder needs a token to begin with (decoder_start_token_id)");
  TokenizedPairs out(data, options.limit, options.seed, true);
  for (const std::int64_t index : out.examples_) {
    const TextPair& pair = data.pairs[static_cast<std::size_t>(index)];
    const std::string place = out.begin(data, index);
    const Encoded source = tokenizer.encode(options.before_source + pair.source, {}, options.max_source);
    Ids target = data.labelled ? tokenizer.ids(pair.target) : Ids();
    if (data.labelled) require(!target.empty(), place, "the target has no tokens");
    const std::size_t end = data.labelled && options.eos >= 0 ? 1 : 0;
    const std::size_t room = static_cast<std::size_t>(options.max_target) - end;
    out.cut_ += source.cut || target.size() > room;
    target.resize(std::min(target.size(), room));
    target.insert(target.end(), end, options.eos);
    out.append_source(source);
    out.append_decoder(options.start, target);
    out.check_ids(place, options.vocabulary);
  }
  out.check_fits(data, options.model_max_length);
  return out;
}

PEFT_INLINE void TokenizedPairs::add_to(Batch& batch, std::size_t i) const {
  require(labelled_, "pairs without targets are for generation, not for batches");
  const std::size_t from = offsets_[i], count = offsets_[i + 1] - from;
  const std::vector<std::int32_t> types(count, 0);
  const auto slots = std::span(slots_).subspan(from, count), ids = std::span(ids_).subspan(from, count);
  if (!paired_) return batch.add(ids, types, std::span(targets_).subspan(from, count), examples_[i], slots);
  const std::size_t second = decoder_offsets_[i], rows = decoder_offsets_[i + 1] - second;
  batch.add_pair(ids, types, std::span(decoder_ids_).subspan(second, rows), std::span(targets_).subspan(second, rows),
                 examples_[i], slots);
}

PEFT_INLINE TokenizedPairs::TokenizedPairs(const PairDataset& data, std::int64_t limit, std::uint64_t seed, bool paired)
    : paired_(paired), labelled_(data.labelled), examples_(select_examples(data.pairs.size(), limit, seed)) {
  require(!data.pairs.empty(), data.source, ": there are no pairs");
}

PEFT_INLINE void TokenizedPairs::check_length(const char* what, int length) {
  require(length > 0, what, " = ", length, ": one token or more was expected");
}

PEFT_INLINE void TokenizedPairs::check_fits(const PairDataset& data, int most) const {
  const int longest = std::max(this->longest(), paired_ ? decoder_longest() : 0);
  require(longest <= most, data.source, ": a text of ", longest, " tokens, and the model takes at most ", most,
          "; a maximum length up to that cuts such texts");
}

PEFT_INLINE std::string TokenizedPairs::begin(const PairDataset& data, std::int64_t index) {
  Interrupt::check();
  const TextPair& pair = data.pairs[static_cast<std::size_t>(index)];
  references_.push_back(pair.references);
  if (data.labelled && pair.references.empty()) references_.back().push_back(pair.target);
  return cat(data.source, ", pair ", index + 1, ": ");
}

PEFT_INLINE bool TokenizedPairs::fit_causal(const std::string& place, Ids& prompt, Ids& target,
                                            const CausalOptions& options) {
  const std::size_t before = prompt.size() + target.size();
  require(!prompt.empty() || !options.start.empty(), place,
          "the prompt has no tokens, and there are none to start with");
  const std::size_t least = options.start.size() + (prompt.empty() ? 0 : 1);
  const std::size_t all = static_cast<std::size_t>(options.max_length);
  require(least + !target.empty() <= all, "max_length = ", all, ": there is no room for the ", options.start.size(),
          " tokens of start and a text");
  target.resize(std::min(target.size(), all - least));
  std::size_t room = all - target.size() - options.start.size();
  if (options.max_prompt > 0)
    room = std::min(room, static_cast<std::size_t>(options.max_prompt) - options.start.size());
  if (prompt.size() > room) prompt.erase(prompt.begin(), prompt.end() - static_cast<std::ptrdiff_t>(room));
  return prompt.size() + target.size() < before;
}

PEFT_INLINE void TokenizedPairs::append_causal(const Ids& start, const Ids& prompt, const Ids& target) {
  for (const Ids* part : {&start, &prompt, &target}) ids_.insert(ids_.end(), part->begin(), part->end());
  for (std::size_t k = 0; k < start.size(); ++k) slots_.push_back(static_cast<std::int32_t>(k));
  slots_.resize(ids_.size(), -1);
  prompts_.push_back(start.size() + prompt.size());
  targets_.insert(targets_.end(), prompts_.back() - 1, -1);
  targets_.insert(targets_.end(), target.begin(), target.end());
  targets_.push_back(-1);
  offsets_.push_back(ids_.size());
}

PEFT_INLINE void TokenizedPairs::append_source(const Encoded& source) {
  ids_.insert(ids_.end(), source.ids.begin(), source.ids.end());
  slots_.insert(slots_.end(), source.slots.begin(), source.slots.end());
  slots_.resize(ids_.size(), -1);
  offsets_.push_back(ids_.size());
}

PEFT_INLINE void TokenizedPairs::append_decoder(std::int32_t start, const Ids& target) {
  decoder_ids_.push_back(start);
  if (!target.empty()) decoder_ids_.insert(decoder_ids_.end(), target.begin(), target.end() - 1);
  targets_.insert(targets_.end(), target.begin(), target.end());
  targets_.resize(decoder_ids_.size(), -1);
  decoder_offsets_.push_back(decoder_ids_.size());
}

PEFT_INLINE void TokenizedPairs::check_ids(const std::string& place, std::int64_t vocabulary) const {
  const auto check = [&](double id) {
    require(id < static_cast<double>(vocabulary), place, "the token ", id, " is outside the model's vocabulary of ",
            vocabulary, "; does the tokenizer belong to the model?");
  };
  if (vocabulary <= 0) return;
  for (std::size_t k = offsets_[offsets_.size() - 2]; k < ids_.size(); ++k) check(ids_[k]);
  if (!paired_) return;
  for (std::size_t k = decoder_offsets_[decoder_offsets_.size() - 2]; k < decoder_ids_.size(); ++k)
    check(decoder_ids_[k]), check(targets_[k]);
}

PEFT_INLINE int TokenizedPairs::widest(const std::vector<std::size_t>& bounds) {
  std::size_t most = 0;
  for (std::size_t s = 1; s < bounds.size(); ++s) most = std::max(most, bounds[s] - bounds[s - 1]);
  return static_cast<int>(most);
}

}  // namespace peft
