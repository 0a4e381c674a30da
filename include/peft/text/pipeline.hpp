// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <peft/text/model/bpe.hpp>
#include <peft/text/model/unigram.hpp>
#include <peft/text/model/vocabulary.hpp>
#include <peft/text/model/wordpiece.hpp>
#include <peft/text/normalize/normalizer.hpp>
#include <peft/text/split/pieces.hpp>
#include <peft/text/split/splitter.hpp>
#include <peft/text/unicode/utf8.hpp>
#include <string_view>
#include <variant>
#include <vector>

namespace peft {

/// Text to token ids: normalise, split into words, split each word into tokens. A new kind of model joins the variant.
struct Pipeline {
  Normalizer normalizer;
  Splitter splitter;
  std::variant<WordPiece, Bpe, Unigram> model;

  /// Appends the ids of text that the normaliser has returned, cut by `split` (the splitter, or that of words), of
  /// which the first `lead` bytes stem from the beginning of the whole text.
  void encode(std::string_view text, std::size_t lead, const Splitter& split, std::vector<std::int32_t>& ids) const {
    Pieces pieces(text, lead);
    split(pieces);
    std::visit(
        [&](const auto& words) {
          for (const Pieces::Range range : pieces.ranges) words.encode(pieces[range], ids);
        },
        model);
  }

  /// The same part of the normalised text as the first character of `text`, in bytes, and where nothing is left of that
  /// the place where the text begins.
  std::size_t lead(std::string_view text) const {
    if (text.empty() || !splitter.asks_for_lead()) return 0;
    std::size_t first = 0;
    utf8::next(text, first);
    return std::max<std::size_t>(normalizer(text.substr(0, first)).size(), 1);
  }

  const Vocabulary& vocabulary() const {
    return std::visit([](const auto& words) -> const Vocabulary& { return words.vocabulary(); }, model);
  }
  std::int32_t unk() const {
    return std::visit([](const auto& words) { return words.unk(); }, model);
  }
};

}  // namespace peft
