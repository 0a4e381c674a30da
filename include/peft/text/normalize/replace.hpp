// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstddef>
#include <string>
#include <string_view>

namespace peft {

/// Writes `content` for every occurrence of a text, or for every run of it that is long enough.
struct Replace {
  std::string pattern, content;
  std::size_t run = 0;  // 0: each occurrence by itself; else all of a run of this many or more, as in " {2,}"

  std::string operator()(std::string_view text) const {
    std::string out;
    out.reserve(text.size());
    std::size_t done = 0;
    for (std::size_t at; !pattern.empty() && (at = text.find(pattern, done)) != text.npos;) {
      std::size_t end = at + pattern.size(), times = 1;
      for (; run > 0 && text.substr(end).starts_with(pattern); end += pattern.size()) ++times;
      out += text.substr(done, at - done);
      out += times >= run ? std::string_view(content) : text.substr(at, end - at);
      done = end;
    }
    out += text.substr(done);
    return out;
  }
};

}  // namespace peft
