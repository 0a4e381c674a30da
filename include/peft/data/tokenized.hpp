// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <peft/core/error.hpp>
#include <peft/data/batch.hpp>
#include <peft/data/dataset.hpp>
#include <peft/data/selection.hpp>
#include <peft/text/tokenizer.hpp>
#include <span>
#include <string_view>
#include <vector>

namespace peft {

struct TokenizeOptions {
  int max_length = 128;        // tokens per sequence, special ones included; longer ones are cut
  int model_max_length = 512;  // of the backbone (max_position_embeddings)
  std::int64_t limit = 0;      // only the first so many examples of a seeded shuffle; 0: all, in their order
  std::uint64_t seed = 0;
};

/// The token ids of a data set, one sequence after the other. An example is one sequence, or as many as it has choices. Of a
/// tagged data set every token has a target: its word's tag for the first piece of a word, -1 for all others.
class Tokenized {
 public:
  /// Throws Error when `max_length` is above the model's maximum or has no room for the special tokens.
  Tokenized(const Dataset& data, const Tokenizer& tokenizer, const TokenizeOptions& options)
      : together_(static_cast<std::size_t>(data.together)), tagged_(data.tagged) {
    require(options.max_length <= options.model_max_length, "a maximum length of ", options.max_length,
            " tokens was asked for, but the model takes at most ", options.model_max_length,
            "; choose a length up to that");
    require(!data.examples.empty(), data.source, ": there are no examples");
    examples_ = select_examples(data.examples.size() / together_, options.limit, options.seed);
    for (const std::int64_t index : examples_) {
      const std::size_t first = static_cast<std::size_t>(index) * together_;
      if (tagged_) {
        add_tagged(data.examples[first].a, data.tags[first], tokenizer, options.max_length);
        continue;
      }
      targets_.push_back(data.examples[first].target);
      for (std::size_t k = first; k < first + together_; ++k) {
        const Example& example = data.examples[k];
        append(data.pairs ? tokenizer.encode_pair(example.a, example.b, options.max_length)
                          : tokenizer.encode(example.a, {}, options.max_length));
      }
    }
    ids_.shrink_to_fit();
    types_.shrink_to_fit();
    slots_.shrink_to_fit();
  }

  std::size_t size() const { return examples_.size(); }  ///< examples
  std::size_t tokens() const { return ids_.size(); }     ///< of all sequences together
  int together() const { return static_cast<int>(together_); }  ///< sequences of an example
  /// Tokens of example i, all its sequences counted.
  int length(std::size_t i) const { return static_cast<int>(end(i) - begin(i)); }
  /// Tokens of the longest sequence.
  int longest() const {
    std::size_t most = 0;
    for (std::size_t s = 1; s < offsets_.size(); ++s) most = std::max(most, offsets_[s] - offsets_[s - 1]);
    return static_cast<int>(most);
  }
  std::int64_t example(std::size_t i) const { return examples_[i]; }  ///< index in the data set
  double target(std::size_t i) const { return targets_[i]; }          ///< of an example; not of a tagged data set

  /// Of a tagged data set: where the words of example i have their first piece, as a row among all tokens; -1 where they have
  /// none because they were cut off (or are nothing but control characters).
  std::span<const std::int64_t> words(std::size_t i) const {
    return std::span(words_).subspan(word_offsets_[i], word_offsets_[i + 1] - word_offsets_[i]);
  }
  /// Words without a piece.
  std::size_t lost_words() const { return static_cast<std::size_t>(std::count(words_.begin(), words_.end(), -1)); }

  void add_to(Batch& batch, std::size_t i) const {
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

 private:
  std::size_t begin(std::size_t i) const { return offsets_[i * together_]; }
  std::size_t end(std::size_t i) const { return offsets_[(i + 1) * together_]; }

  void append(const Encoded& made) {
    ids_.insert(ids_.end(), made.ids.begin(), made.ids.end());
    for (const std::int32_t type : made.types) {
      require(type >= 0 && type < 256, "the tokenizer gives the segment type ", type, ", 0 to 255 were expected");
      types_.push_back(static_cast<std::uint8_t>(type));
    }
    for (const std::int32_t slot : made.slots) {
      require(slot >= -1 && slot < 128, "the tokenizer puts ", slot + 1, " special tokens into a sequence, 128 at most were expected");
      slots_.push_back(static_cast<std::int8_t>(slot));
    }
    slots_.resize(ids_.size(), -1);
    offsets_.push_back(ids_.size());
  }

  void add_tagged(std::string_view sentence, const std::vector<std::int32_t>& tags, const Tokenizer& tokenizer, int max_length) {
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
  }

  std::size_t together_;
  bool tagged_;
  std::vector<std::int64_t> examples_;
  std::vector<std::int32_t> ids_;
  std::vector<std::uint8_t> types_;
  std::vector<std::int8_t> slots_;  // which special token a token is
  std::vector<std::size_t> offsets_{0};  // of sequences
  std::vector<double> targets_;          // by example, or by token
  std::vector<std::int64_t> words_;
  std::vector<std::size_t> word_offsets_{0};
};

}  // namespace peft
