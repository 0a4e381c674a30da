// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include <peft/core/inline.hpp>
#include <peft/core/tensor.hpp>
#include <peft/model/beam.hpp>

namespace peft {

/// How texts are written. beams 1: greedily, the likeliest token each time (the smaller id of equal ones).
struct GenerateOptions {
  int max_new_tokens = 32;
  int beams = 1;
  double length_penalty = 1;    // of beams, as transformers has it
  bool early_stopping = false;  // of beams
  std::vector<int> eos{};       // each of them ends a text and is part of it; none: every text has max_new_tokens
  int start = -1;               // a decoder's first token; -1: the checkpoint's own
  int prompts = 16;             // so many at a time; enters no result
};

/// New ids per prompt, an end's included.
struct Generated {
  std::vector<std::vector<std::int32_t>> ids;
  std::vector<double> scores;  // of beams: log-probability over length ^ length_penalty
};

/// Token ids that a text goes on with.
struct Continuation {
  int place = 0;                       // of the text among those that are decoded
  std::span<const std::int32_t> ids{};  // at first the whole prompt, or a decoder's first token
};

/// Reads text after text row by row and says what comes next, whatever model it does so with; see RowDecoder.
template <class T>
class TextDecoder {
 public:
  virtual ~TextDecoder() = default;
  /// Begins `copies` texts per prompt at places prompt * copies + 0, 1, .. Of an encoder-decoder the prompts are what
  /// its encoder reads. Nothing is decoded yet: `forward` is given the ids, of a causal model the prompts'. `most`: ids
  /// that it will be given of any text; `at_once`: of an encoder-decoder, in one call.
  virtual void start(std::span<const std::vector<std::int32_t>> prompts, int copies, Extent most,
                     Extent at_once = 1) = 0;
  /// Logits (texts, vocabulary), row-major, of what follows the last id of each; in use until the next call.
  virtual std::span<const T> forward(std::span<const Continuation> texts) = 0;
  /// Text `to` becomes a copy of text `from`, of the same prompt.
  virtual void copy(int from, int to) = 0;
};

/// What a model can read and write.
struct TextLimits {
  Extent vocabulary = 0, positions = 0;
  Extent added = 0;  // positions that virtual tokens take
  bool cross = false;  // an encoder-decoder
  int start = -1;  // a decoder's first token
};

/// Writes texts with a decoder, greedily or by beams. Keeps its memory from one call to the next. T: float, double.
template <class T>
class TextSearch {
 public:
  using Ids = std::vector<std::int32_t>;

  explicit TextSearch(TextDecoder<T>& decoder) : decoder_(decoder) {}

  /// Throws Error for an option or a prompt that cannot be; then nothing was written.
  Generated operator()(std::span<const Ids> prompts, const GenerateOptions& options, const TextLimits& limits);

 private:
  void begin(std::span<const Ids> prompts, const GenerateOptions& o, int copies);
  void greedily(std::span<const Ids> prompts, const GenerateOptions& o, Generated& out);
  void by_beams(std::span<const Ids> prompts, const GenerateOptions& o, Generated& out);
  void settle(const std::vector<BeamSearch::Beam>& beams, std::vector<int>& places, int first, int count);

  TextDecoder<T>& decoder_;
  TextLimits limits_;
  std::vector<Continuation> texts_;
  std::int32_t start_ = 0;
  std::vector<bool> taken_;
  std::vector<int> next_;
};

namespace text_search {

/// A decoder's first token.
int start_token(const GenerateOptions& options, const TextLimits& limits);
/// Throws Error for an option or a prompt that cannot be.
void check(std::span<const std::vector<std::int32_t>> prompts, const GenerateOptions& options,
           const TextLimits& limits);

}  // namespace text_search

}  // namespace peft

#ifndef PEFT_SEPARATE
#include <peft/model/text_search.ipp>
#endif
