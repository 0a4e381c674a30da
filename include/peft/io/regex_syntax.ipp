// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstddef>
#include <optional>
#include <peft/core/error.hpp>
#include <peft/core/inline.hpp>
#include <peft/io/regex_classes.hpp>
#include <peft/io/regex_syntax.hpp>
#include <string>
#include <string_view>
#include <utility>

namespace peft {

PEFT_INLINE std::string RegexSyntax::translated() {
  require(pattern_.size() <= longest_pattern, where_, ": a pattern of ", pattern_.size(), " bytes, at most ",
          longest_pattern, " are read");
  if (accept("(?")) {
    const auto set = flags();
    if (set && accept(")"))
      out_ = "(?" + *set + ')';
    else
      at_ = 0;
  }
  alternatives(0);
  if (!ended()) stop("has a \")\" too many");
  return std::move(out_);
}

PEFT_INLINE void RegexSyntax::alternatives(int depth) {
  if (depth > deepest_group) stop("nests its groups too deeply");
  while (!ended() && !next_is(')')) {
    const std::size_t begin = out_.size();
    if (accept("|")) {
      out_ += '|';
      continue;
    }
    atom(depth);
    quantifiers(begin);
  }
}

PEFT_INLINE void RegexSyntax::atom(int depth) {
  const char c = pattern_[at_];
  if (c == '(') return ++at_, group(depth);
  if (c == '[') {
    ++at_;
    out_ += character_class(depth);
  } else if (c == '\\') {
    ++at_;
    escape();
  } else if (c == '*' || c == '+' || c == '?' || (c == '{' && !interval().empty())) {
    stop("has nothing to repeat");
  } else if (c == '{' || c == '}' || c == ']') {
    out_ += {'\\', take()};
  } else {
    out_ += take();
    while (!ended() && (static_cast<unsigned char>(pattern_[at_]) & 0xC0) == 0x80) out_ += take();
  }
}

// Of what is behind "(".
PEFT_INLINE void RegexSyntax::group(int depth) {
  if (next_is('*')) stop("has nothing to repeat");
  if (accept("?#")) {
    while (take() != ')') {
    }
    return;
  }
  out_ += '(';
  if (accept("?")) {
    static constexpr std::string_view both[] = {":", "=", "!", "<=", "<!", ">"};
    std::string kind;
    for (const std::string_view known : both)
      if (kind.empty() && accept(known)) kind = known;
    const std::string_view name = python_ ? "P<" : "<";
    if (kind.empty() && accept(name)) {
      kind = "P<";
      for (char c = take(); c != '>'; c = take()) kind += c;
      kind += '>';
    }
    if (kind.empty() && python_ && accept("P=")) {
      out_ += "?P=";
      for (char c = take(); c != ')'; c = take()) out_ += c;
      out_ += ')';
      return;
    }
    if (kind.empty()) {
      const auto set = flags();
      if (!set) stop("uses a kind of group that is not supported");
      if (!accept(":")) stop("sets flags inside, which is only supported at its beginning");
      kind = *set + ':';
    }
    out_ += '?' + kind;
  }
  alternatives(depth + 1);
  if (!accept(")")) stop("has a \"(\" without its \")\"");
  out_ += ')';
}

// Flags behind "(?", as PCRE2 has them, up to what ends them; nothing, and nothing taken, when it is something else.
PEFT_INLINE std::optional<std::string> RegexSyntax::flags() {
  const std::size_t begin = at_;
  std::string out;
  for (; !ended() && !next_is(')') && !next_is(':'); ++at_) {
    const char c = pattern_[at_];
    if (c == 'i' || c == '-' || (python_ && (c == 'm' || c == 's'))) {
      out += c;
    } else if (!python_ && c == 'm') {
      out += 's';
    } else if (!python_ || c != 'u') {
      at_ = begin;
      return std::nullopt;
    }
  }
  return out;
}

// {m,n} at this place, taken; nothing when it is none and stands for itself.
PEFT_INLINE std::string RegexSyntax::interval() {
  const std::size_t begin = at_;
  const auto digits = [&] {
    std::string out;
    while (!ended() && regex_characters::is_digit(pattern_[at_])) out += take();
    return out;
  };
  if (accept("{")) {
    const std::string low = digits();
    const bool comma = accept(",");
    const std::string high = comma ? digits() : low;
    if (accept("}") && !(low.empty() && high.empty()))
      return "{" + (low.empty() ? "0" : low) + (comma ? "," + high : "") + "}";
  }
  at_ = begin;
  return "";
}

// Repeats what was written since `atom`.
PEFT_INLINE void RegexSyntax::quantifiers(std::size_t atom) {
  for (int times = 0;; ++times) {
    std::string how = accept("*") ? "*" : accept("+") ? "+" : accept("?") ? "?" : interval();
    if (how.empty()) return;
    if (out_.size() == atom) stop("has nothing to repeat");
    if (times > 0) {
      if (python_) stop("repeats a repetition");
      out_.insert(atom, "(?:");
      out_ += ')';
    }
    const bool counted = how.front() == '{', fixed = counted && how.find(',') == how.npos;
    if (accept("?")) {
      if (fixed && !python_) {  // Oniguruma: perhaps as often
        out_.insert(atom, "(?:");
        out_ += how + ")?";
        continue;
      }
      how += '?';
    } else if ((python_ || !counted) && accept("+")) {
      how += '+';
    }
    out_ += how;
  }
}

PEFT_INLINE void RegexSyntax::escape() {
  const char c = take();
  const auto word = [] { return regex_classes::named("word")->items + regex_classes::more_word; };
  Set set;
  if (!python_ && (c == 'w' || c == 'W')) {
    out_ += (c == 'w' ? "[" : "[^") + word() + ']';
    return;
  }
  if (class_escape(c, set)) {
    out_ += one_of(set, false);
    return;
  }
  const std::size_t begin = at_;
  if (regex_characters::is_digit(c)) {
    --at_;
    if (const auto group = reference()) {
      out_ += *group;
      return;
    }
    at_ = begin;
  }
  if (c == 'A' || (c == 'B' && python_) || (c == 'b' && python_)) {
    out_ += {'\\', c};
  } else if (c == 'b' || c == 'B') {  // as Oniguruma knows words
    const std::string one = '[' + word() + ']',
                      edge = "(?<=" + one + ")(?!" + one + ")|(?<!" + one + ")(?=" + one + ")";
    out_ += c == 'b' ? "(?:" + edge + ')' : "(?!" + edge + ')';
  } else if (c == 'Z') {
    out_ += python_ ? "\\z" : "\\Z";
  } else if (!python_ && c == 'z') {
    out_ += "\\z";
  } else if (!python_ && c == 'k' && accept("<")) {
    out_ += "\\k<";
    for (char next = take(); next != '>'; next = take()) out_ += next;
    out_ += '>';
  } else if (!python_ && c == 'R') {
    out_ += "(?>\\x{D}\\x{A}|[\\x{A}-\\x{D}\\x{85}\\x{2028}\\x{2029}])";
  } else if (!python_ && c == 'N') {
    out_ += "[^\\x{A}]";
  } else if (!python_ && c == 'O') {
    out_ += "(?s:.)";
  } else {
    out_ += regex_characters::escaped(character_escape(c));
  }
}

// \1 to \99, nothing for the octal number of a character.
PEFT_INLINE std::optional<std::string> RegexSyntax::reference() {
  const auto octal = [&](std::size_t i) {
    return at_ + i < pattern_.size() && pattern_[at_ + i] >= '0' && pattern_[at_ + i] < '8';
  };
  if (next_is('0') || (octal(0) && octal(1) && octal(2))) return std::nullopt;
  std::string digits(1, take());
  if (!ended() && regex_characters::is_digit(pattern_[at_])) digits += take();
  return "\\g{" + digits + '}';
}

}  // namespace peft
