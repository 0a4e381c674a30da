// SPDX-License-Identifier: Apache-2.0
#include <peft/io/name_pattern.hpp>
#include <string>

#include "catch.hpp"
#include "io_temporary.hpp"

using peft::Error;
using peft::NamePattern;

namespace {
bool matches(const char* pattern, const std::string& name) { return NamePattern(pattern).matches(name); }
}  // namespace

TEST_CASE("name pattern: as Python's re.fullmatch") {
  CHECK(matches("", ""));
  CHECK(!matches("", "a"));
  CHECK(matches("abc", "abc"));
  CHECK(!matches("abc", "abcd"));
  CHECK(!matches("abc", "xabc"));
  CHECK(matches("a|b|", ""));
  CHECK(matches("a|bc", "bc"));
  CHECK(!matches("a|bc", "ac"));
  CHECK(matches("a*b+c?", "bbc"));
  CHECK(!matches("a*b+c?", "aac"));
  CHECK(matches("(ab)*", "ababab"));
  CHECK(!matches("(ab)*", "aba"));
  CHECK(matches("(?:ab|c){2,3}", "abc"));
  CHECK(!matches("(?:ab|c){2,3}", "cccc"));
  CHECK(matches("a{2}", "aa"));
  CHECK(matches("a{2,}", "aaaa"));
  CHECK(!matches("a{2,}", "a"));
  CHECK(matches("a{,2}", ""));
  CHECK(!matches("a{,2}", "aaa"));
  CHECK(matches("[a-c_.]+", "ab_.c"));
  CHECK(!matches("[^a-c]+", "xay"));
  CHECK(matches("[]a]", "]"));
  CHECK(matches("[a-]", "-"));
  CHECK(matches("\\d+\\.\\w\\S", "12.xy"));
  CHECK(!matches("1\\.2", "1x2"));
  CHECK(matches("1.2", "1x2"));
  CHECK(matches("^a$", "a"));
  CHECK(!matches("a^b", "ab"));
  CHECK(matches("(?P<name>a)b", "ab"));
  CHECK(matches("(a*)*b", "aaab"));
  CHECK(matches("(|a)+", "aa"));
  CHECK(matches(".*\\.layer\\.([0-3])\\..*\\.(query|value)", "bert.encoder.layer.3.attention.self.value"));
  CHECK(!matches(".*\\.layer\\.([0-3])\\..*\\.(query|value)", "bert.encoder.layer.4.attention.self.value"));
  CHECK(matches("(.*\\.)?(^self.query)", "self.query"));
  CHECK(!matches("(.*\\.)?(^self.query)", "attention.self.query"));
  CHECK(matches("(.*\\.)?(self.query)", "attention.self.query"));
  CHECK(!matches("(.*\\.)?(elf.query)", "attention.self.query"));
}

TEST_CASE("name pattern: bad or unsupported syntax is refused") {
  for (const char* pattern :
       {"(",      ")",    "a)",      "(a", "[",   "[a",  "[]",    "[b-a]", "*",      "a**",   "a+*",   "{2}", "a{2",
        "a{2,1}", "a{x}", "a{9999}", "\\", "\\1", "\\b", "(?=a)", "(?!a)", "(?<=a)", "(?i)a", "(?P<n", "a|*"}) {
    INFO(pattern);
    CHECK(lacks(error_of([&] { NamePattern p(pattern); }), {"the pattern", "character"}) == "");
  }
  CHECK_THROWS_AS(NamePattern(std::string(100000, 'a')), Error);
  CHECK_THROWS_AS(NamePattern(std::string(10000, '(')), Error);
}

TEST_CASE("name pattern: patterns made to take for ever end soon") {
  const std::string name(60, 'a');
  CHECK(!matches("(a*)*b", name));
  CHECK(!matches("(a|a)*b", name));
  CHECK(!matches("(a|aa)+b", name));
  CHECK(!matches("((a?){30}){30}b", name));
  std::string nested = "a";
  for (int i = 0; i < 40; ++i) nested = "(" + nested + ")*";
  CHECK(NamePattern(nested).matches(name));
  std::string huge = "a?";
  for (int i = 0; i < 20; ++i) huge = "(b*" + huge + "){1000}";
  CHECK(lacks(error_of([&] { NamePattern(huge).matches(name); }), {"too much work"}) == "");
}
