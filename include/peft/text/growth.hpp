// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <cstddef>
#include <peft/core/error.hpp>
#include <string_view>

namespace peft {

/// The bound on a text's length within a tokenizer, whose steps come from a file: twenty steps that double the text
/// would exhaust any memory. Steps of real tokenizers turn a space into three bytes and a character into at most eleven
/// times its bytes, and add a few words.
struct Growth {
  static constexpr std::size_t times = 64, always = 4096;
  const char* what;  // whose steps
  std::size_t given, most;

  Growth(const char* steps, std::size_t bytes)
      : what(steps), given(bytes), most(times * std::min(bytes, ~std::size_t{0} / times - always) + always) {}

  /// Throws Error for a text of that many bytes.
  void check(std::size_t bytes) const {
    require(bytes <= most, what, " makes more than ", most, " bytes of a text of ", given,
            ": its steps repeat what they write; this is no sound tokenizer");
  }
};

}  // namespace peft
