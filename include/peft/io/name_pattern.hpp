// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <bitset>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <peft/core/error.hpp>

namespace peft {

/// A regular expression over module names, in the part of Python's syntax that adapters use: literals, ".", [sets],
/// \d \w \s, groups, "|", "*", "+", "?", {m,n}, "^" and "$". It is matched by following all positions of the name at
/// once, within a bound on the work, so a pattern from a file that is not trusted can do no harm.
class NamePattern {
 public:
  /// Throws Error for bad syntax and for features outside that part (look-around, back references).
  explicit NamePattern(std::string_view pattern) : pattern_(pattern) {
    if (pattern.size() > 1 << 14) stop("is too long");
    root_ = either(0);
    if (!ended()) stop("has a \")\" too many");
  }

  /// Whether the whole of `name` matches, as Python's re.fullmatch. Throws Error when that takes too much work.
  bool matches(std::string_view name) const {
    Positions start(name.size() + 1, false);
    start.front() = true;
    std::size_t budget = 2'000'000;
    return advance(root_, name, start, budget).back();
  }

 private:
  using Positions = std::vector<bool>;  // places of the name, its end included
  enum class Kind { Set, Begin, End, Sequence, Either, Repeat };
  struct Node {
    Kind kind = Kind::Sequence;
    std::bitset<256> set = {};  // Set: the bytes that may come
    int low = 0, high = 0;      // Repeat: how often; high < 0: without end
    std::vector<Node> parts = {};
  };

  // Where the node can end, starting at any of the given places.
  Positions advance(const Node& node, std::string_view name, const Positions& from, std::size_t& budget) const {
    if (budget < from.size()) fail("the pattern \"", pattern_, "\" takes too much work to match");
    budget -= from.size();
    Positions result(from.size(), false);
    switch (node.kind) {
      case Kind::Set:
        for (std::size_t i = 0; i < name.size(); ++i)
          result[i + 1] = from[i] && node.set[static_cast<unsigned char>(name[i])];
        break;
      case Kind::Begin:
        result.front() = from.front();
        break;
      case Kind::End:
        result.back() = from.back();
        break;
      case Kind::Sequence:
        result = from;
        for (const Node& part : node.parts) result = advance(part, name, result, budget);
        break;
      case Kind::Either:
        for (const Node& part : node.parts) join(result, advance(part, name, from, budget));
        break;
      case Kind::Repeat: {
        Positions reached = from;
        for (int i = 0; i < node.low; ++i) reached = advance(node.parts[0], name, reached, budget);
        result = reached;
        for (int i = node.low; node.high < 0 || i < node.high; ++i) {
          reached = advance(node.parts[0], name, reached, budget);
          if (!join(result, reached)) break;
        }
      }
    }
    return result;
  }

  // Adds the second's places to the first; false when nothing was new.
  static bool join(Positions& to, const Positions& from) {
    bool grown = false;
    for (std::size_t i = 0; i < to.size(); ++i)
      if (from[i] && !to[i]) to[i] = grown = true;
    return grown;
  }

  [[noreturn]] void stop(std::string_view reason) const {
    fail("the pattern \"", pattern_, "\" ", reason, ", at character ", at_);
  }

  bool ended() const { return at_ == pattern_.size(); }
  bool next_is(char c) const { return !ended() && pattern_[at_] == c; }
  bool accept(std::string_view text) {
    const bool found = std::string_view(pattern_).substr(at_).starts_with(text);
    if (found) at_ += text.size();
    return found;
  }
  char take() {
    if (ended()) stop("ends too early");
    return pattern_[at_++];
  }

  Node either(int depth) {
    if (depth > 50) stop("nests its groups too deeply");
    Node result{.kind = Kind::Either};
    do {
      Node sequence{.kind = Kind::Sequence};
      while (!ended() && !next_is('|') && !next_is(')')) sequence.parts.push_back(repeated(depth));
      result.parts.push_back(std::move(sequence));
    } while (accept("|"));
    return result;
  }

  Node repeated(int depth) {
    Node node = atom(depth);
    int low = 0, high = -1;
    if (accept("+")) {
      low = 1;
    } else if (accept("?")) {
      high = 1;
    } else if (accept("{")) {
      low = next_is(',') ? 0 : number();
      high = accept(",") ? (next_is('}') ? -1 : number()) : low;
      if (!accept("}") || (high >= 0 && high < low)) stop("has a bad {m,n}");
    } else if (!accept("*")) {
      return node;
    }
    static_cast<void>(accept("?"));  // greedy or not is the same for a whole match
    if (next_is('*') || next_is('+') || next_is('?') || next_is('{')) stop("repeats a repetition");
    Node result{.kind = Kind::Repeat, .low = low, .high = high};
    result.parts.push_back(std::move(node));
    return result;
  }

  int number() {
    int value = 0;
    const std::size_t first = at_;
    while (!ended() && pattern_[at_] >= '0' && pattern_[at_] <= '9' && value < 1000)
      value = 10 * value + (take() - '0');
    if (at_ == first || value > 1000) stop("has a bad number in {m,n}");
    return value;
  }

  Node atom(int depth) {
    Node node{.kind = Kind::Set};
    const char c = take();
    if (c == '(') {
      if (accept("?") && !accept(":")) {
        if (!accept("P<")) stop("uses a kind of group that is not supported");
        while (take() != '>') {
        }
      }
      node = either(depth + 1);
      if (!accept(")")) stop("has a \"(\" without its \")\"");
    } else if (c == '^') {
      node.kind = Kind::Begin;
    } else if (c == '$') {
      node.kind = Kind::End;
    } else if (c == '.') {
      node.set.set().reset('\n');
    } else if (c == '[') {
      node.set = bracket();
    } else if (c == '\\') {
      node.set = escape();
    } else if (c == '*' || c == '+' || c == '?' || c == '{') {
      stop("has nothing to repeat");
    } else {
      node.set.set(static_cast<unsigned char>(c));
    }
    return node;
  }

  static std::bitset<256> range(unsigned char first, unsigned char last) {
    std::bitset<256> set;
    for (int i = first; i <= last; ++i) set.set(static_cast<std::size_t>(i));
    return set;
  }

  std::bitset<256> escape() {
    const char c = take();
    const auto digits = range('0', '9'), letters = range('a', 'z') | range('A', 'Z') | range('_', '_');
    const auto spaces = range('\t', '\r') | range(' ', ' ');
    switch (c) {
      case 'd':
        return digits;
      case 'D':
        return ~digits;
      case 'w':
        return digits | letters;
      case 'W':
        return ~(digits | letters);
      case 's':
        return spaces;
      case 'S':
        return ~spaces;
      default:
        break;
    }
    if ((digits | letters)[static_cast<unsigned char>(c)]) stop("uses an escape that is not supported");
    return range(static_cast<unsigned char>(c), static_cast<unsigned char>(c));
  }

  std::bitset<256> bracket() {
    const bool inverted = accept("^");
    std::bitset<256> set;
    for (bool first = true; first || !next_is(']'); first = false) {
      const auto low = take();
      if (low == '\\') {
        set |= escape();
      } else if (next_is('-') && at_ + 1 < pattern_.size() && pattern_[at_ + 1] != ']') {
        ++at_;
        const char high = take();
        if (high == '\\' || static_cast<unsigned char>(high) < static_cast<unsigned char>(low)) stop("has a bad range");
        set |= range(static_cast<unsigned char>(low), static_cast<unsigned char>(high));
      } else {
        set.set(static_cast<unsigned char>(low));
      }
    }
    ++at_;
    return inverted ? ~set : set;
  }

  std::string pattern_;
  std::size_t at_ = 0;
  Node root_;
};

}  // namespace peft
