// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace peft {

/// A text as it is split, step by step, into the words that the model sees.
struct Pieces {
  struct Range {
    std::size_t begin, end;
  };

  std::string_view text;      // the caller's, or `own` once a step has written the words anew
  std::vector<Range> ranges;  // of the words: ascending, none empty
  std::size_t lead = 0;       // bytes that stem from the very beginning of the text as it came
  std::string own{};

  Pieces(std::string_view all, std::size_t from_beginning) : text(all), lead(from_beginning) {
    if (!all.empty()) ranges.push_back({0, all.size()});
  }
  Pieces(const Pieces&) = delete;  // `text` may point into it
  Pieces& operator=(const Pieces&) = delete;

  std::string_view operator[](Range r) const { return text.substr(r.begin, r.end - r.begin); }

  /// Rewrites every word: `write(word, begin, out)` appends to out.
  template <class F>
  void rewrite(F&& write) {
    std::string out;
    out.reserve(text.size() + text.size() / 4 + 8);
    for (Range& range : ranges) {
      const std::size_t begin = out.size();
      write((*this)[range], range.begin, out);
      range = {begin, out.size()};
    }
    own = std::move(out);
    text = own;
  }
};

}  // namespace peft
