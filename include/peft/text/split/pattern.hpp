// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <cstddef>
#include <optional>
#include <peft/io/regex.hpp>
#include <peft/text/split/known_regex.hpp>
#include <peft/text/split/pieces.hpp>
#include <peft/text/unicode/characters.hpp>
#include <peft/text/unicode/utf8.hpp>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace peft {

/// What a splitting step looks for.
struct Pattern {
  enum class Kind { Literal, Gpt2, Cl100k, WordOrMarks, Space, Number, Punctuation, Regex };
  Kind kind = Kind::Literal;
  std::string literal{};
  int digits = 3;  // that Cl100k takes at once
  std::optional<peft::Regex> regex{};

  /// Calls `use(begin, end)` for the matches from left to right. Only a Regex has empty ones.
  template <class F>
  void for_each_match(std::string_view text, F&& use) const {
    if (kind == Kind::Regex)
      return regex->for_each_match(text, [&](peft::Regex::Range found) { use(found.begin, found.end); });
    for (std::size_t at = 0; at < text.size();) {
      const std::size_t end = match(text, at);
      if (end == at) {
        utf8::next(text, at);
        continue;
      }
      use(at, end);
      at = end;
    }
  }

 private:
  // The end of the match that begins at `at`; `at` itself when there is none.
  std::size_t match(std::string_view text, std::size_t at) const {
    switch (kind) {
      case Kind::Literal: return !literal.empty() && text.substr(at).starts_with(literal) ? at + literal.size() : at;
      case Kind::Gpt2: return known_regex::gpt2(text, at);
      case Kind::Cl100k: return known_regex::cl100k(text, at, digits);
      case Kind::WordOrMarks: return known_regex::word_or_marks(text, at);
      case Kind::Space: return known_regex::one(text, at, characters::is_space);
      case Kind::Number: return known_regex::one(text, at, characters::is_number);
      case Kind::Punctuation: return known_regex::one(text, at, characters::is_punctuation);
      case Kind::Regex: break;
    }
    return at;
  }
};

/// Cuts every word where a pattern matches.
struct PatternSplit {
  /// What becomes of the matches: words of their own, dropped, the end or the beginning of a word, or like the first
  /// but in one word with matches right beside them.
  enum class Matches { Isolated, Removed, MergedWithPrevious, MergedWithNext, Contiguous };

  Pattern pattern;
  Matches matches = Matches::Isolated;
  bool invert = false;  // what lies between the matches counts as the match

  void operator()(Pieces& pieces) const {
    std::vector<Pieces::Range> out;
    std::vector<Stretch> stretches;
    out.reserve(pieces.text.size() / 4 + 1);
    for (const Pieces::Range range : pieces.ranges) {
      stretches.clear();
      cut(pieces[range], range.begin, stretches);
      join(stretches, out);
    }
    pieces.ranges = std::move(out);
  }

 private:
  struct Stretch {
    Pieces::Range range;
    bool match;
  };

  void cut(std::string_view word, std::size_t offset, std::vector<Stretch>& out) const {
    std::size_t open = 0;  // from here on nothing has matched
    const auto push = [&](std::size_t begin, std::size_t end, bool match) {
      out.push_back({{offset + begin, offset + end}, match != invert});
    };
    pattern.for_each_match(word, [&](std::size_t begin, std::size_t end) {
      if (open < begin) push(open, begin, false);
      push(begin, end, true);
      open = end;
    });
    if (open < word.size()) push(open, word.size(), false);
  }

  void join(std::vector<Stretch>& stretches, std::vector<Pieces::Range>& out) const {
    const std::size_t first = out.size();
    const bool backwards = matches == Matches::MergedWithNext;
    if (backwards) std::reverse(stretches.begin(), stretches.end());
    bool previous = false;
    for (const auto& [range, match] : stretches) {
      if (matches == Matches::Removed && match) continue;
      const bool alone = matches == Matches::Isolated || matches == Matches::Removed || out.size() == first ||
                         (matches == Matches::Contiguous ? match != previous : !match || previous);
      previous = match;
      if (alone)
        out.push_back(range);
      else if (backwards)
        out.back().begin = range.begin;
      else
        out.back().end = range.end;
    }
    const auto begin = out.begin() + static_cast<std::ptrdiff_t>(first);
    if (backwards) std::reverse(begin, out.end());
    if (pattern.kind == Pattern::Kind::Regex)  // an empty match cuts and is no word
      out.erase(std::remove_if(begin, out.end(), [](Pieces::Range r) { return r.begin == r.end; }), out.end());
  }
};

}  // namespace peft
