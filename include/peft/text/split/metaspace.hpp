// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstddef>
#include <peft/text/split/pattern.hpp>
#include <peft/text/split/pieces.hpp>
#include <string>
#include <string_view>

namespace peft {

/// SentencePiece's way with spaces (Kudo and Richardson 2018): each becomes a visible character, which begins a word.
struct MetaspaceSplit {
  enum class Prepend { Always, First, Never };

  std::string replacement = "\xE2\x96\x81";
  Prepend prepend = Prepend::Always;  // before pieces that lack it; First: before that at the text's beginning
  bool split = true;                  // else a piece remains one word

  void operator()(Pieces& pieces) const {
    const std::size_t lead = pieces.lead;
    pieces.rewrite([&](std::string_view word, std::size_t begin, std::string& out) {
      const bool has = word.starts_with(' ') || word.starts_with(replacement);
      if (!has && (prepend == Prepend::Always || (prepend == Prepend::First && begin < lead))) out += replacement;
      for (const char c : word) {
        if (c == ' ')
          out += replacement;
        else
          out += c;
      }
    });
    if (split)
      PatternSplit{.pattern = {.literal = replacement}, .matches = PatternSplit::Matches::MergedWithNext}(pieces);
  }
};

}  // namespace peft
