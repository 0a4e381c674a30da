// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <limits>
#include <optional>
#include <peft/core/error.hpp>
#include <peft/data/example.hpp>
#include <peft/text/files/tokenizer_files.hpp>
#include <peft/text/tokenizer_parts.hpp>
#include <peft/text/unicode/utf8.hpp>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace peft {

/// Turns text into the token ids of a checkpoint, with the ids that Hugging Face's tokenizers give: text that spells an
/// added token ("[SEP]") becomes that token, and ill-formed UTF-8 counts as U+FFFD. Immutable: threads may share one.
class Tokenizer {
 public:
  static constexpr int unlimited = std::numeric_limits<int>::max();

  /// Reads `tokenizer.json`, or else `vocab.txt` or a SentencePiece model, and `tokenizer_config.json` from a
  /// checkpoint's folder.
  static Tokenizer open(const std::filesystem::path& folder) { return Tokenizer(read_tokenizer(folder)); }

  explicit Tokenizer(TokenizerParts parts) : parts_(std::move(parts)) {
    rows_ = vocabulary().rows();
    const auto normalize = [&](const std::string& text) { return parts_.pipeline.normalizer(text); };
    for (const AddedToken& token : parts_.added) {
      rows_ = std::max(rows_, static_cast<std::size_t>(token.id) + 1);
      if (token.special) special_.push_back(token.id);
      if (token.normalized)
        in_normalized_.add(token, normalize(token.content));
      else
        in_text_.add(token, token.content);
    }
    std::sort(special_.begin(), special_.end());
    special_.erase(std::unique(special_.begin(), special_.end()), special_.end());
  }

  /// A sentence, or a pair when `b` is not empty, in at most `max_length` tokens: the longer sentence loses its end
  /// first. Throws Error when not even the special tokens fit.
  Encoded encode(std::string_view a, std::string_view b = {}, int max_length = unlimited) const {
    return assemble(a, b, !b.empty(), max_length);
  }
  Encoded encode(const Example& example, int max_length = unlimited) const {
    Encoded out = encode(example.a, example.b, max_length);
    out.target = example.target;
    return out;
  }
  /// A pair, even when `b` is empty.
  Encoded encode_pair(std::string_view a, std::string_view b, int max_length = unlimited) const {
    return assemble(a, b, true, max_length);
  }

  /// A sentence that is already cut into words, each encoded by itself, in at most `max_length` tokens: the end is lost
  /// first. Throws Error when not even the special tokens fit.
  EncodedWords encode_words(std::span<const std::string_view> words, int max_length = unlimited) const {
    const std::size_t room = room_for_text(false, max_length), before = parts_.sequence.before();
    std::vector<std::int32_t> all;
    EncodedWords out;
    for (const std::string_view word : words) {
      const std::vector<std::int32_t> pieces = all.size() < room ? ids(word) : std::vector<std::int32_t>();
      out.first.push_back(pieces.empty() ? -1 : static_cast<std::int32_t>(before + all.size()));
      all.insert(all.end(), pieces.begin(), pieces.end());
    }
    all.resize(std::min(all.size(), room));
    static_cast<Encoded&>(out) = parts_.sequence.assemble(all, {}, false);
    return out;
  }

  /// The ids of the text alone, without special tokens around it.
  std::vector<std::int32_t> ids(std::string_view text) const {
    const std::string sound = utf8::is_ascii(text) ? std::string() : utf8::repaired(text);
    if (!sound.empty()) text = sound;
    std::vector<std::int32_t> out;
    const auto token = [&](std::int32_t id) { out.push_back(id); };
    in_text_.split(
        text,
        [&](std::string_view part) {
          const std::string normal = parts_.pipeline.normalizer(part);
          const std::size_t lead = part.data() == text.data() ? parts_.pipeline.lead(part) : 0;
          in_normalized_.split(
              normal,
              [&](std::string_view piece) {
                const auto begin = static_cast<std::size_t>(piece.data() - normal.data());
                parts_.pipeline.encode(piece, lead - std::min(lead, begin), out);
              },
              token);
        },
        token);
    return out;
  }

  /// The text that ids stand for, as Hugging Face's decoders put it together. Ids of no token are left out.
  std::string decode(std::span<const std::int32_t> ids, bool skip_special_tokens = true) const {
    Tokens tokens;
    for (const std::int32_t id : ids) {
      const auto found = token(id);
      if (!found || (skip_special_tokens && (is_special(id) || is_special(vocabulary().find(*found))))) continue;
      tokens.emplace_back(*found);
    }
    return parts_.decoder(std::move(tokens));
  }

  /// The token with an id, added or of the vocabulary; nothing when there is none.
  std::optional<std::string_view> token(std::int32_t id) const {
    for (const AddedToken& added : parts_.added)
      if (added.id == id) return added.content;
    return vocabulary().token(id);
  }

  /// The id of a token of the vocabulary or an added one; -1 when there is none.
  std::int32_t id(std::string_view token) const {
    for (const AddedToken& added : parts_.added)
      if (added.content == token) return added.id;
    return vocabulary().find(token);
  }

  std::int32_t cls() const { return id(parts_.roles.cls); }  ///< -1 when the model has none; the others likewise
  std::int32_t sep() const { return id(parts_.roles.sep); }
  std::int32_t pad() const { return id(parts_.roles.pad); }
  std::int32_t unk() const { return id(parts_.roles.unk); }
  std::int32_t mask() const { return id(parts_.roles.mask); }
  std::int32_t bos() const { return id(parts_.roles.bos); }
  std::int32_t eos() const { return id(parts_.roles.eos); }

  /// Ids of the special tokens, ascending.
  std::span<const std::int32_t> special_tokens() const { return special_; }

  /// How many special tokens are put around a sentence, or a pair.
  std::size_t added(bool pair) const { return parts_.sequence.added(pair); }

  /// The largest id plus 1: rows that the model's embedding must have at least.
  std::size_t vocab_size() const { return rows_; }

 private:
  std::size_t room_for_text(bool pair, int max_length) const {
    const std::size_t added = parts_.sequence.added(pair);
    require(max_length >= 1 && added <= static_cast<std::size_t>(max_length), "a maximum length of ", max_length,
            " has no room for the ", added, " special tokens of ", pair ? "a pair" : "a sentence",
            "; allow more tokens");
    return static_cast<std::size_t>(max_length) - added;
  }

  Encoded assemble(std::string_view a, std::string_view b, bool pair, int max_length) const {
    const std::size_t room = room_for_text(pair, max_length);
    std::vector<std::int32_t> first = ids(a), second = pair ? ids(b) : std::vector<std::int32_t>();
    const auto keep = longest_first(first.size(), second.size(), room);
    first.resize(keep.first);
    second.resize(keep.second);
    return parts_.sequence.assemble(first, second, pair);
  }

  bool is_special(std::int32_t id) const { return std::binary_search(special_.begin(), special_.end(), id); }
  const Vocabulary& vocabulary() const { return parts_.pipeline.vocabulary(); }

  TokenizerParts parts_;
  AddedTokenFinder in_text_, in_normalized_;
  std::vector<std::int32_t> special_;
  std::size_t rows_ = 0;
};

}  // namespace peft
