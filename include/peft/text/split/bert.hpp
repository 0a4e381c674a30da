// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstddef>
#include <peft/text/split/pieces.hpp>
#include <peft/text/unicode/characters.hpp>
#include <peft/text/unicode/utf8.hpp>
#include <string_view>
#include <utility>
#include <vector>

namespace peft {

/// BERT's pre-tokeniser: calls `word(std::string_view)` for every stretch of well-formed text between spaces and
/// punctuation, and for every single punctuation character.
template <class F>
void for_each_bert_word(std::string_view text, F&& word) {
  std::size_t start = 0;
  const auto close = [&](std::size_t end) {
    if (end > start) word(text.substr(start, end - start));
  };
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t here = at;
    const char32_t c = utf8::next(text, at);
    const bool punctuation = characters::is_punctuation(c);
    if (!punctuation && !characters::is_space(c)) continue;
    close(here);
    if (punctuation) word(text.substr(here, at - here));
    start = at;
  }
  close(text.size());
}

struct BertSplit {
  void operator()(Pieces& pieces) const {
    std::vector<Pieces::Range> out;
    out.reserve(pieces.text.size() / 4 + 1);
    for (const Pieces::Range range : pieces.ranges)
      for_each_bert_word(pieces[range], [&](std::string_view word) {
        const auto begin = static_cast<std::size_t>(word.data() - pieces.text.data());
        out.push_back({begin, begin + word.size()});
      });
    pieces.ranges = std::move(out);
  }
};

}  // namespace peft
