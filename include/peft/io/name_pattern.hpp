// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <bitset>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include <peft/core/inline.hpp>

namespace peft {

/// A regular expression over module names, in the part of Python's syntax that adapters use: literals, ".", [sets],
/// \d \w \s, groups, "|", "*", "+", "?", {m,n}, "^" and "$". It is matched by following all positions of the name at
/// once, within a bound on the work, so a pattern from a file that is not trusted can do no harm.
class NamePattern {
 public:
  /// Throws Error for bad syntax and for features outside that part (look-around, back references).
  explicit NamePattern(std::string_view pattern);

  /// Whether the whole of `name` matches, as Python's re.fullmatch. Throws Error when that takes too much work.
  bool matches(std::string_view name) const;

 private:
  using Positions = std::vector<bool>;  // places of the name, its end included
  enum class Kind { Set, Begin, End, Sequence, Either, Repeat };
  struct Node {
    Kind kind = Kind::Sequence;
    std::bitset<256> set = {};  // Set: the bytes that may come
    int low = 0, high = 0;      // Repeat: how often; high < 0: without end
    std::vector<Node> parts = {};
  };

  Positions advance(const Node& node, std::string_view name, const Positions& from, std::size_t& budget) const;
  static bool join(Positions& to, const Positions& from);

  [[noreturn]] void stop(std::string_view reason) const;
  bool ended() const { return at_ == pattern_.size(); }
  bool next_is(char c) const { return !ended() && pattern_[at_] == c; }
  bool accept(std::string_view text);
  char take();

  Node either(int depth);
  Node repeated(int depth);
  int number();
  Node atom(int depth);
  static std::bitset<256> range(unsigned char first, unsigned char last);
  std::bitset<256> escape();
  std::bitset<256> bracket();

  std::string pattern_;
  std::size_t at_ = 0;
  Node root_;
};

}  // namespace peft

#ifndef PEFT_SEPARATE
#include <peft/io/name_pattern.ipp>
#endif
