// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <peft/core/error.hpp>
#include <peft/text/model/vocabulary.hpp>
#include <peft/text/unicode/utf8.hpp>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace peft {

struct WordPieceOptions {
  std::string unk_token = "[UNK]";
  std::string continuing_prefix = "##";  // marks the pieces that continue a word
  std::size_t max_chars = 100;           // a longer word is unknown as a whole
};

/// Splits a word greedily, left to right, into the longest pieces of the vocabulary; a word that cannot be split to its
/// end is one unknown token. Schuster and Nakajima 2012, as in BERT (Devlin et al. 2019).
class WordPiece {
 public:
  WordPiece(Vocabulary vocabulary, WordPieceOptions options)
      : pieces_(std::move(vocabulary)), options_(std::move(options)) {
    pieces_.require_short();
    unk_ = pieces_.find(options_.unk_token);
    require(unk_ != Vocabulary::none, "the vocabulary of ", pieces_.size(), " tokens lacks the unknown token \"",
            options_.unk_token, "\"");
    pieces_.for_each([&](std::string_view token, std::int32_t id) {
      if (token.starts_with(options_.continuing_prefix))
        continuing_.set(token.substr(options_.continuing_prefix.size()), id);
    });
  }

  /// Appends the ids of one word of well-formed UTF-8.
  void encode(std::string_view word, std::vector<std::int32_t>& ids) const {
    const std::size_t before = ids.size();
    if (word.size() > options_.max_chars && utf8::count(word) > options_.max_chars) return ids.push_back(unk_);
    for (std::size_t start = 0; start < word.size();) {
      const Vocabulary& pieces = start == 0 ? pieces_ : continuing_;
      std::size_t length = std::min(word.size() - start, pieces.longest());
      std::int32_t id = Vocabulary::none;
      for (; length > 0; --length) {
        if (inside_character(word, start + length)) continue;
        id = pieces.find(word.substr(start, length));
        if (id != Vocabulary::none) break;
      }
      if (id == Vocabulary::none) {
        ids.resize(before);
        return ids.push_back(unk_);
      }
      ids.push_back(id);
      start += length;
    }
  }

  std::int32_t unk() const { return unk_; }
  const Vocabulary& vocabulary() const { return pieces_; }

 private:
  static bool inside_character(std::string_view word, std::size_t at) {
    return at < word.size() && (static_cast<unsigned char>(word[at]) & 0xC0) == 0x80;
  }

  Vocabulary pieces_, continuing_;  // the second without their prefix
  WordPieceOptions options_;
  std::int32_t unk_;
};

}  // namespace peft
