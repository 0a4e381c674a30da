// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstddef>
#include <peft/text/split/pattern.hpp>
#include <peft/text/split/pieces.hpp>
#include <peft/text/unicode/byte_alphabet.hpp>
#include <string>
#include <string_view>

namespace peft {

/// GPT-2's pre-tokeniser: words by its regular expression, then every byte as a visible character.
struct ByteLevelSplit {
  bool add_prefix_space = true;  // where a piece does not begin with one
  bool use_regex = true;

  void operator()(Pieces& pieces) const {
    if (add_prefix_space)
      pieces.rewrite([](std::string_view word, std::size_t, std::string& out) {
        if (!word.starts_with(' ')) out += ' ';
        out += word;
      });
    if (use_regex) PatternSplit{.pattern = {.kind = Pattern::Kind::Gpt2}}(pieces);
    pieces.rewrite([](std::string_view word, std::size_t, std::string& out) { byte_alphabet::append(out, word); });
  }
};

}  // namespace peft
