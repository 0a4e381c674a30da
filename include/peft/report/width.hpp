// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstddef>
#include <string>
#include <string_view>

namespace peft::report {

/// Columns a Unicode scalar takes in a terminal: 0 for combining and zero-width marks, 2 for the East Asian wide
/// blocks and emoji, 1 for the rest. By block, after Unicode Standard Annex 11; good enough to align tables.
int code_width(char32_t c);

struct Utf8 {
  std::size_t bytes;
  char32_t code;
};

/// The UTF-8 sequence at the front of `text`: its length and its scalar. A byte that starts no valid sequence counts as
/// one character of its own (U+FFFD). `text` must not be empty.
Utf8 next_utf8(std::string_view text);

/// Columns that UTF-8 text takes in a terminal.
std::size_t width(std::string_view text);

/// The longest front of UTF-8 text that takes at most `columns`, cut between characters.
std::string clip(std::string_view text, std::size_t columns);

}  // namespace peft::report

#ifndef PEFT_SEPARATE
#include <peft/report/width.ipp>
#endif
