// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <limits>
#include <memory>
#include <optional>
#include <peft/text/example.hpp>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace peft {

struct TokenizerParts;

/// Turns text into the token ids of a checkpoint, with the ids that Hugging Face's tokenizers give: text that spells an
/// added token ("[SEP]") becomes that token, and ill-formed UTF-8 counts as U+FFFD. Immutable: threads may share one,
/// and copies share what they hold.
class Tokenizer {
 public:
  static constexpr int unlimited = std::numeric_limits<int>::max();

  /// Reads the tokenizer of a checkpoint's folder as transformers assembles it: `tokenizer.json`, or else `vocab.txt`,
  /// `vocab.json` with `merges.txt`, or a SentencePiece model; and what `tokenizer_config.json` and its like add.
  /// `model` may also be a model's name that is in Hugging Face's cache (io/hub_cache.hpp).
  static Tokenizer open(const std::filesystem::path& model);

  /// The files that `open` reads, without config.json, from which it may take the tokenizer's class.
  static std::vector<std::filesystem::path> files(const std::filesystem::path& model);

  /// From parts (text/tokenizer_parts.hpp).
  explicit Tokenizer(TokenizerParts parts);

  /// A sentence, or a pair when `b` is not empty, in at most `max_length` tokens: the longer sentence loses its end
  /// first. Throws Error when not even the special tokens fit.
  Encoded encode(std::string_view a, std::string_view b = {}, int max_length = unlimited) const;
  Encoded encode(const Example& example, int max_length = unlimited) const;
  /// A pair, even when `b` is empty.
  Encoded encode_pair(std::string_view a, std::string_view b, int max_length = unlimited) const;

  /// A sentence that is already split into words, each encoded by itself (by a byte-level model with the space before
  /// it), in at most `max_length` tokens: the end is lost first. Throws Error when not even the special tokens fit.
  EncodedWords encode_words(std::span<const std::string_view> words, int max_length = unlimited) const;

  /// The ids of the text alone, without special tokens around it.
  std::vector<std::int32_t> ids(std::string_view text) const;

  /// The text that ids stand for, as Hugging Face's decoders put it together. Ids of no token are left out.
  std::string decode(std::span<const std::int32_t> ids, bool skip_special_tokens = true) const;

  /// The token with an id, added or of the vocabulary; nothing when there is none.
  std::optional<std::string_view> token(std::int32_t id) const;

  /// The id of a token of the vocabulary or an added one; -1 when there is none.
  std::int32_t id(std::string_view token) const;

  std::int32_t cls() const;  ///< -1 when the model has none; the others likewise
  std::int32_t sep() const;
  std::int32_t pad() const;
  std::int32_t unk() const;
  std::int32_t mask() const;
  std::int32_t bos() const;
  std::int32_t eos() const;

  /// Ids of the special tokens, ascending.
  std::span<const std::int32_t> special_tokens() const;

  /// The number of special tokens added to a sentence, or to a pair.
  std::size_t added(bool pair) const;

  /// The special tokens prepended to a sentence, such as Llama's <s>.
  std::vector<std::int32_t> before() const;

  /// Whether its files have a chat template (Jinja), which is not evaluated.
  bool has_chat_template() const;

  /// The largest id plus 1: the least number of rows of the model's embedding.
  std::size_t vocab_size() const;

 private:
  struct Content;  // in tokenizer.ipp, so that users of a tokenizer need not compile what it is made of

  std::shared_ptr<const Content> content_;
};

}  // namespace peft

#ifndef PEFT_SEPARATE
#include <peft/text/tokenizer.ipp>
#endif
