// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <utility>

#include <peft/core/error.hpp>
#include <peft/io/name_pattern.hpp>

namespace peft {

PEFT_INLINE NamePattern::NamePattern(std::string_view pattern) : pattern_(pattern) {
  if (pattern.size() > 1 << 14) stop("is too long");
  root_ = either(0);
  if (!ended()) stop("has a \")\" too many");
}

PEFT_INLINE bool NamePattern::matches(std::string_view name) const {
  Positions start(name.size() + 1, false);
  start.front() = true;
  std::size_t budget = 2'000'000;
  return advance(root_, name, start, budget).back();
}

// Where the node can end, starting at any of the given places.
PEFT_INLINE NamePattern::Positions NamePattern::advance(const Node& node, std::string_view name,
                                                        const Positions& from, std::size_t& budget) const {
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
PEFT_INLINE bool NamePattern::join(Positions& to, const Positions& from) {
  bool grown = false;
  for (std::size_t i = 0; i < to.size(); ++i)
    if (from[i] && !to[i]) to[i] = grown = true;
  return grown;
}

PEFT_INLINE void NamePattern::stop(std::string_view reason) const {
  fail("the pattern \"", pattern_, "\" ", reason, ", at character ", at_);
}

PEFT_INLINE bool NamePattern::accept(std::string_view text) {
  const bool found = std::string_view(pattern_).substr(at_).starts_with(text);
  if (found) at_ += text.size();
  return found;
}

PEFT_INLINE char NamePattern::take() {
  if (ended()) stop("ends too early");
  return pattern_[at_++];
}

PEFT_INLINE NamePattern::Node NamePattern::either(int depth) {
  if (depth > 50) stop("nests its groups too deeply");
  Node result{.kind = Kind::Either};
  do {
    Node sequence{.kind = Kind::Sequence};
    while (!ended() && !next_is('|') && !next_is(')')) sequence.parts.push_back(repeated(depth));
    result.parts.push_back(std::move(sequence));
  } while (accept("|"));
  return result;
}

PEFT_INLINE NamePattern::Node NamePattern::repeated(int depth) {
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

PEFT_INLINE int NamePattern::number() {
  int value = 0;
  const std::size_t first = at_;
  while (!ended() && pattern_[at_] >= '0' && pattern_[at_] <= '9' && value < 1000)
    value = 10 * value + (take() - '0');
  if (at_ == first || value > 1000) stop("has a bad number in {m,n}");
  return value;
}

PEFT_INLINE NamePattern::Node NamePattern::atom(int depth) {
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

PEFT_INLINE std::bitset<256> NamePattern::range(unsigned char first, unsigned char last) {
  std::bitset<256> set;
  for (int i = first; i <= last; ++i) set.set(static_cast<std::size_t>(i));
  return set;
}

PEFT_INLINE std::bitset<256> NamePattern::escape() {
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

PEFT_INLINE std::bitset<256> NamePattern::bracket() {
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

}  // namespace peft
