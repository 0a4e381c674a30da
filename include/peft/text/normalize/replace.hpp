// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstddef>
#include <optional>
#include <peft/io/regex.hpp>
#include <peft/text/growth.hpp>
#include <string>
#include <string_view>
#include <utility>

namespace peft {

/// Writes `content` for every occurrence of a text, for every run of it that is long enough, or for what a regular
/// expression matches.
struct Replace {
  std::string pattern, content;
  std::size_t run = 0;  // 0: each occurrence by itself; else all of a run of this many or more, as in " {2,}"
  std::optional<Regex> regex{};

  /// Throws Error as soon as the text has grown beyond that.
  std::string operator()(std::string_view text, const Growth* growth = nullptr) const {
    std::string out;
    out.reserve(text.size());
    if (regex) return replace_matches(text, std::move(out), growth);
    std::size_t done = 0;
    for (std::size_t at; !pattern.empty() && (at = text.find(pattern, done)) != text.npos;) {
      std::size_t end = at + pattern.size(), times = 1;
      for (; run > 0 && text.substr(end).starts_with(pattern); end += pattern.size()) ++times;
      out += text.substr(done, at - done);
      out += times >= run ? std::string_view(content) : text.substr(at, end - at);
      if (growth != nullptr) growth->check(out.size());
      done = end;
    }
    out += text.substr(done);
    return out;
  }

 private:
  std::string replace_matches(std::string_view text, std::string out, const Growth* growth) const {
    std::size_t done = 0;
    regex->for_each_match(text, [&](Regex::Range found) {
      out += text.substr(done, found.begin - done);
      out += content;
      if (growth != nullptr) growth->check(out.size());
      done = found.end;
    });
    return out += text.substr(done);
  }
};

}  // namespace peft
