// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <peft/core/error.hpp>
#include <peft/core/inline.hpp>
#include <peft/core/interrupt.hpp>
#include <peft/data/batch.hpp>
#include <peft/data/dataset.hpp>
#include <peft/data/selection.hpp>
#include <peft/data/tokenized.hpp>
#include <peft/text/tokenizer.hpp>
#include <span>
#include <string_view>
#include <vector>

namespace peft {

PEFT_INLINE Tokenized::Tokenized(const Dataset& data, const Tokenizer& tokenizer, const TokenizeOptions& options)
    : together_(static_cast<std::size_t>(data.together)), tagged_(data.tagged) {
  require(!data.examples.empty(), data.source, ": there are no examples");
  examples_ = select_examples(data.examples.size() / together_, options.limit, options.seed);
  for (const std::int64_t index : examples_) {
    Interrupt::check();
    const std::size_t first = static_cast<std::size_t>(index) * together_;
    if (tagged_) {
      cut_ += add_tagged(data.examples[first].a, data.tags[first], tokenizer, options.max_length);
      continue;
    }
    targets_.push_back(data.examples[first].target);
    bool cut = false;
    for (std::size_t k = first; k < first + together_; ++k) {
      const Example& example = data.examples[k];
      const Encoded made = data.pairs ? tokenizer.encode_pair(example.a, example.b, options.max_length)
                                      : tokenizer.encode(example.a, {}, options.max_length);
      cut = cut || made.cut;
      append(made);
    }
    cut_ += cut;
  }
  require(longest() <= options.model_max_length, data.source, ": a text of ", longest(),
          " tokens, and the model takes at most ", options.model_max_length,
          "; a maximum length up to that cuts such texts");
  ids_.shrink_to_fit();
  types_.shrink_to_fit();
  slots_.shrink_to_fit();
}

PEFT_INLINE int Tokenized::longest() const {
  std::size_t most = 0;
  for (std::size_t s = 1; s < offsets_.size(); ++s) most = std::max(most, offsets_[s] - offsets_[s - 1]);
  return static_cast<int>(most);
}

PEFT_INLINE std::size_t Tokenized::lost_words() const {
  return static_cast<std::size_t>(std::count(words_.begin(), words_.end(), -1));
}

PEFT_INLINE void Tokenized::add_to(Batch& batch, std::size_t i) const {
  std::vector<std::int32_t> types, slots;
  for (std::size_t k = 0; k < together_; ++k) {
    const std::size_t s = i * together_ + k, from = offsets_[s], count = offsets_[s + 1] - from;
    const auto at = static_cast<std::ptrdiff_t>(from), stop = at + static_cast<std::ptrdiff_t>(count);
    types.assign(types_.begin() + at, types_.begin() + stop);
    slots.assign(slots_.begin() + at, slots_.begin() + stop);
    const std::span<const double> targets =
        tagged_ ? std::span(targets_).subspan(from, count) : std::span(targets_).subspan(i, k == 0);
    // Sequences of one example draw different dropout.
    const std::int64_t index = examples_[i] * static_cast<std::int64_t>(together_) + static_cast<std::int64_t>(k);
    batch.add(std::span(ids_).subspan(from, count), types, targets, index, slots);
  }
}

PEFT_INLINE void Tokenized::append(const Encoded& made) {
  ids_.insert(ids_.end(), made.ids.begin(), made.ids.end());
  for (const std::int32_t type : made.types) {
    require(type >= 0 && type < 256, "the tokenizer gives the segment type ", type, ", 0 to 255 were expected");
    types_.push_back(static_cast<std::uint8_t>(type));
  }
  for (const std::int32_t slot : made.slots) {
    require(slot >= -1 && slot < 128, "the tokenizer puts ", slot + 1,
            " special tokens into a sequence, 128 at most were expected");
    slots_.push_back(static_cast<std::int8_t>(slot));
  }
  slots_.resize(ids_.size(), -1);
  offsets_.push_back(ids_.size());
}

PEFT_INLINE bool Tokenized::add_tagged(std::string_view sentence, const std::vector<std::int32_t>& tags,
                                       const Tokenizer& tokenizer, int max_length) {
  std::vector<std::string_view> words;
  while (!sentence.empty()) {
    const std::size_t end = std::min(sentence.find(' '), sentence.size());
    words.push_back(sentence.substr(0, end));
    sentence.remove_prefix(std::min(end + 1, sentence.size()));
  }
  require(words.size() == tags.size(), "a sentence of ", words.size(), " words has ", tags.size(), " tags");
  const EncodedWords made = tokenizer.encode_words(words, max_length);
  const std::size_t from = ids_.size();
  targets_.resize(from + made.ids.size(), -1);
  for (std::size_t w = 0; w < words.size(); ++w) {
    if (made.first[w] >= 0) targets_[from + static_cast<std::size_t>(made.first[w])] = tags[w];
    words_.push_back(made.first[w] < 0 ? -1 : static_cast<std::int64_t>(from) + made.first[w]);
  }
  word_offsets_.push_back(words_.size());
  append(made);
  return made.cut;
}

}  // namespace peft
