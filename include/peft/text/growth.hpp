// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <cstddef>
#include <peft/core/error.hpp>
#include <string_view>

namespace peft {

/// How long a text may become in a tokenizer's steps, which a file decides: some twenty that double it would take any
/// memory. A tokenizer's own make three bytes of a space, at most eleven times as many of a character, and put a few
/// words around.
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
