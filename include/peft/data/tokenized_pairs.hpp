// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstddef>
#include <cstdint>
#include <peft/data/batch.hpp>
#include <peft/data/pair_dataset.hpp>
#include <peft/data/pair_options.hpp>
#include <peft/text/tokenizer.hpp>
#include <span>
#include <string>
#include <vector>

namespace peft {

/// The token ids of text pairs, for a causal model or an encoder-decoder.
class TokenizedPairs {
 public:
  /// For a causal model: one sequence per pair. The target of a row is the next token if that belongs to the
  /// target text, else -1; the last row has none. A prompt that is too long is truncated at its beginning (`start`
  /// stays); a target that leaves no room for one token of the prompt is truncated at its end, `eos` included.
  static TokenizedPairs causal(const PairDataset& data, const Tokenizer& tokenizer, const CausalOptions& options);

  /// For an encoder-decoder: source and target. Each is truncated at its end, before its end token, as transformers'
  /// tokenizers do. Throws Error naming the pair for a target without
  /// tokens.
  static TokenizedPairs sequence_to_sequence(const PairDataset& data, const Tokenizer& tokenizer,
                                             const SequenceToSequenceOptions& options);

  std::size_t size() const { return examples_.size(); }  ///< pairs
  std::size_t tokens() const { return ids_.size() + decoder_ids_.size(); }  ///< of both sides
  bool paired() const { return paired_; }  ///< whether for an encoder-decoder
  /// Tokens of pair i, both sides counted.
  int length(std::size_t i) const {
    return static_cast<int>(offsets_[i + 1] - offsets_[i]) +
           (paired_ ? static_cast<int>(decoder_offsets_[i + 1] - decoder_offsets_[i]) : 0);
  }
  int longest() const { return widest(offsets_); }  ///< tokens of the longest sequence (source)
  int decoder_longest() const { return widest(decoder_offsets_); }  ///< 0 for a causal model
  std::int64_t example(std::size_t i) const { return examples_[i]; }  ///< index in the data set
  std::size_t cut() const { return cut_; }  ///< pairs of which a text was truncated
  bool labelled() const { return labelled_; }

  /// The input of generation for pair i: the prompt of a causal model, the source of an encoder-decoder.
  std::span<const std::int32_t> prompt(std::size_t i) const {
    return std::span(ids_).subspan(offsets_[i], paired_ ? offsets_[i + 1] - offsets_[i] : prompts_[i]);
  }
  /// The references of pair i; none if the data has no targets.
  const std::vector<std::string>& references(std::size_t i) const { return references_[i]; }

  /// Throws Error when the data has no targets.
  void add_to(Batch& batch, std::size_t i) const;

 private:
  using Ids = std::vector<std::int32_t>;

  TokenizedPairs(const PairDataset& data, std::int64_t limit, std::uint64_t seed, bool paired);

  static void check_length(const char* what, int length);
  void check_fits(const PairDataset& data, int most) const;
  // Notes the references; returns the place for messages.
  std::string begin(const PairDataset& data, std::int64_t index);
  // Makes room for both; whether something was lost.
  static bool fit_causal(const std::string& place, Ids& prompt, Ids& target, const CausalOptions& options);
  void append_causal(const Ids& start, const Ids& prompt, const Ids& target);
  void append_source(const Encoded& source);
  void append_decoder(std::int32_t start, const Ids& target);
  // Of the pair added last; the targets are among the ids but for the last one.
  void check_ids(const std::string& place, std::int64_t vocabulary) const;
  static int widest(const std::vector<std::size_t>& bounds);

  bool paired_, labelled_;
  std::vector<std::int64_t> examples_;
  std::vector<std::vector<std::string>> references_;
  Ids ids_, slots_, decoder_ids_;
  std::vector<std::size_t> offsets_{0}, decoder_offsets_{0};
  std::vector<std::size_t> prompts_;  // tokens of each, of a causal model
  std::vector<double> targets_;  // by row of the sequence, or of the decoder
  std::size_t cut_ = 0;
};

}  // namespace peft

#ifndef PEFT_SEPARATE
#include <peft/data/tokenized_pairs.ipp>
#endif
