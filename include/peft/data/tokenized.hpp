// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstddef>
#include <cstdint>
#include <peft/data/batch.hpp>
#include <peft/data/dataset.hpp>
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

/// The token ids of a data set, one sequence after the other. An example is one sequence, or as many as it has choices.
/// Of a tagged data set every token has a target: its word's tag for the first piece of a word, -1 for all others.
class Tokenized {
 public:
  /// Throws Error when a text truncated to `max_length` is still too long for the model, or the special tokens do not
  /// fit.
  Tokenized(const Dataset& data, const Tokenizer& tokenizer, const TokenizeOptions& options);

  std::size_t size() const { return examples_.size(); }  ///< examples
  std::size_t tokens() const { return ids_.size(); }  ///< of all sequences together
  int together() const { return static_cast<int>(together_); }  ///< sequences of an example
  /// Tokens of example i, all its sequences counted.
  int length(std::size_t i) const { return static_cast<int>(end(i) - begin(i)); }
  /// Where the tokens of example i begin among all; `size()` gives their end.
  std::size_t row(std::size_t i) const { return begin(i); }
  /// Tokens of the longest sequence.
  int longest() const;
  std::int64_t example(std::size_t i) const { return examples_[i]; }  ///< index in the data set
  std::span<const std::int32_t> ids() const { return ids_; }  ///< of all tokens
  double target(std::size_t i) const { return targets_[i]; }  ///< of an example; not of a tagged data set

  /// Of a tagged data set: where the words of example i have their first piece, as a row among all tokens; -1 where
  /// they have none because they were cut off (or are nothing but control characters).
  std::span<const std::int64_t> words(std::size_t i) const {
    return std::span(words_).subspan(word_offsets_[i], word_offsets_[i + 1] - word_offsets_[i]);
  }
  /// Words without a piece.
  std::size_t lost_words() const;
  /// Examples that were truncated to `max_length`.
  std::size_t cut() const { return cut_; }

  void add_to(Batch& batch, std::size_t i) const;

 private:
  std::size_t begin(std::size_t i) const { return offsets_[i * together_]; }
  std::size_t end(std::size_t i) const { return offsets_[(i + 1) * together_]; }

  void append(const Encoded& made);
  // Whether the sentence was truncated.
  bool add_tagged(std::string_view sentence, const std::vector<std::int32_t>& tags, const Tokenizer& tokenizer,
                  int max_length);

  std::size_t together_;
  bool tagged_;
  std::vector<std::int64_t> examples_;
  std::vector<std::int32_t> ids_;
  std::vector<std::uint8_t> types_;
  std::vector<std::int8_t> slots_;  // which special token a token is
  std::vector<std::size_t> offsets_{0};  // of sequences
  std::vector<double> targets_;  // by example, or by token
  std::vector<std::int64_t> words_;
  std::vector<std::size_t> word_offsets_{0};
  std::size_t cut_ = 0;
};

}  // namespace peft

#ifndef PEFT_SEPARATE
#include <peft/data/tokenized.ipp>
#endif
