// SPDX-License-Identifier: Apache-2.0
// Regular expressions of other flavours, as these flavours mean them; what Python's re and Hugging Face's tokenizers
// give.
#include <cstddef>
#include <peft/io/regex.hpp>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "catch.hpp"
#include "io_temporary.hpp"

#ifdef PEFT_HAS_PCRE2

using peft::Error;
using peft::Regex;

namespace {

bool full_match(const std::string& pattern, const std::string& text) {
  return Regex(pattern, Regex::Flavour::python, "here").full_match(text);
}

// The text cut at the beginnings and ends of all matches.
std::vector<std::string> pieces(const std::string& pattern, const std::string& text) {
  std::vector<std::string> out;
  std::size_t at = 0;
  const auto add = [&](std::size_t begin, std::size_t end) {
    if (begin < end) out.push_back(text.substr(begin, end - begin));
  };
  Regex(pattern, Regex::Flavour::oniguruma, "here").for_each_match(text, [&](Regex::Range match) {
    add(at, match.begin);
    add(match.begin, match.end);
    at = match.end;
  });
  add(at, text.size());
  return out;
}
using Pieces = std::vector<std::string>;

std::string refusal(const std::string& pattern, Regex::Flavour flavour) {
  return error_of([&] { Regex regex(pattern, flavour, "the file"); });
}

}  // namespace

TEST_CASE("regex: Python's, as re.fullmatch") {
  const auto python = [](const char* pattern, std::vector<const char*> in, std::vector<const char*> out) {
    for (const char* text : in) {
      INFO(pattern << " takes " << text);
      CHECK(full_match(pattern, text));
    }
    for (const char* text : out) {
      INFO(pattern << " leaves " << text);
      CHECK(!full_match(pattern, text));
    }
  };
  python("", {""}, {"a"});
  python("a|bc|", {"", "a", "bc"}, {"ac", "abc"});
  python("a{,2}", {"", "aa"}, {"aaa", "a{,2}"});
  python("a{2", {"a{2"}, {"aa"});
  python("[]a]+|[^]a]", {"]a", "b"}, {"b]"});
  python("[[a:]+", {"[a:"}, {"b"});
  python("[a-]\\-[\\w.]", {"--.", "a-x"}, {"---"});
  python("^a$", {"a"}, {"a\n", "b\na"});
  python("a\\Z", {"a"}, {"a\n"});
  python("(?P<n>a|b)(?P=n)\\1", {"aaa", "bbb"}, {"aab"});
  python("(?>a+)b|a*+c", {"aab", "ac"}, {"aa"});
  python("\\x61\\u0062\\101\\v[\\b]", {"abA\v\b"}, {"ab"});
  python("(?i)layer", {"LaYer"}, {"layers"});
  python("(?i)(?=a)(?m:^a$)", {"a", "A"}, {"b"});
  python("(?#any).(?s:.)", {"a\n"}, {"\na"});
  // as adapters have them
  python(R"(.*\.layer\.([0-3])\..*\.(query|value))", {"bert.encoder.layer.3.attention.self.value"},
         {"bert.encoder.layer.4.attention.self.value"});
  python(
      R"((?:.*?(?:language|text).*?(?:self_attn|mlp).*?(?:q_proj|v_proj).*?)|(?:\bmodel\.layers\.[\d]{1,}\.(?:self_attn|mlp)\.(?:(?:q_proj|v_proj))))",
      {"model.layers.11.self_attn.q_proj"}, {"model.layers.11.self_attn.k_proj", "xmodel.layers.1.mlp.q_proj"});
  python(R"(^(?!.*vision).*\.(?:q_proj|v_proj)$)", {"model.layers.0.self_attn.q_proj"}, {"model.vision.0.q_proj"});
}

TEST_CASE("regex: Oniguruma's, as Hugging Face's tokenizers use it") {
  CHECK(pieces(R"(a{1,3}+)", "aaaaab") == Pieces{"aaaaa", "b"});  // a repetition of a repetition
  CHECK(pieces(R"(a{2}?)", "aaab") == Pieces{"aa", "a", "b"});
  CHECK(pieces(R"(a{2}+)", "aaaaab") == Pieces{"aaaa", "ab"});
  CHECK(pieces(R"(\h+)", "xaf0g") == Pieces{"x", "af0", "g"});  // hexadecimal digits
  CHECK(pieces(R"(^a|b$)", "a\nab\nb") == Pieces{"a", "\n", "a", "b", "\n", "b"});
  CHECK(pieces(R"((?m:a.b))", "a\nb") == Pieces{"a\nb"});
  CHECK(pieces(R"([a-z&&[^aeiou]]+)", "hello") == Pieces{"h", "e", "ll", "o"});
  CHECK(pieces(R"([^\n&&\s]+)", "a \n") == Pieces{"a ", "\n"});
  CHECK(pieces(R"([a[^bc]]+)", "abcd") == Pieces{"a", "bc", "d"});
  CHECK(pieces(R"([^\S\n]+)", "a \n b") == Pieces{"a", " ", "\n", " ", "b"});
  CHECK(pieces(R"([[:alpha:]]+|[[:^alpha:]])", "ab1\xC3\xA9") == Pieces{"ab", "1", "\xC3\xA9"});
  CHECK(pieces(R"(\p{^L}|\P{Letter})", "a1") == Pieces{"a", "1"});
  CHECK(pieces(R"(\s+)", "a\xE1\xA0\x8E\xC2\xA0") == Pieces{"a\xE1\xA0\x8E", "\xC2\xA0"});  // U+180E is none
  CHECK(pieces(R"(\w+)", "x\xC2\xBD\xC2\xB2\xE2\x84\xA2") == Pieces{"x\xC2\xBD\xC2\xB2", "\xE2\x84\xA2"});
  CHECK(pieces(R"([\w]+)", "x\xC2\xB2") == Pieces{"x", "\xC2\xB2"});
  CHECK(pieces(R"(\p{Lo})", "\xF0\xB1\x8D\x90-") == Pieces{"\xF0\xB1\x8D\x90", "-"});  // U+31350, of Unicode 15
  CHECK(pieces(R"(\p{Han}+)", "\xE4\xB8\xAD\xE3\x80\x81") == Pieces{"\xE4\xB8\xAD", "\xE3\x80\x81"});
  CHECK(pieces(R"((?<=a)b|(?<!x)c)", "abxcc") == Pieces{"a", "b", "xc", "c"});
  CHECK(pieces(R"((?i:'S|'t))", "a'sb'Tc'\xC5\xBF") == Pieces{"a", "'s", "b", "'T", "c", "'\xC5\xBF"});
  CHECK(pieces(R"(\R|\b)", "ab \r\n\r") == Pieces{"ab", " ", "\r\n", "\r"});
  CHECK(pieces("(?=a)", "baac") == Pieces{"b", "a", "ac"});  // empty matches cut, too
  CHECK(pieces("a*", "baac") == Pieces{"b", "aa", "c"});
  CHECK(pieces("{|}|]|x{y", "{a}]x{y") == Pieces{"{", "a", "}", "]", "x{y"});
}

TEST_CASE("regex: bad syntax and what has no counterpart is refused with its place") {
  using enum Regex::Flavour;
  for (const char* pattern :
       {"(",       ")",       "a)",   "(a",     "[",      "[a",       "[]",      "[b-a]",   "*",
        "a**",     "a+{2}",   "{2}",  "a{2,1}", "\\",     "\\q",      "a|*",     "(*UTF)",  "(*NO_JIT)a",
        "(?x)a",   "(?R)",    "(?1)", "(?&n)",  "(?|a)",  "(?C1)a",   "(?P>n)",  "(?(1)a)", "a(?i)b",
        "\\Qa\\E", "\\K",     "\\R",  "\\p{L}", "\\h",    "[\\d-z]",  "\\1",     "(?P<n",   "(?P=n)",
        "\\xg",    "(?<n>a)", "(?-",  "\xff",   "[\xff]", "a{70000}", "(?<=a*)b"}) {
    INFO(pattern);
    CHECK(lacks(refusal(pattern, python), {"the file: the pattern \"", "character"}) == "");
  }
  for (const char* pattern :
       {"(",           ")",         "[",      "[]",       "[b-a]",        "*",       "(?s:a)",   "(?x:a)",
        "\\K",         "\\X",       "\\G",    "\\Qa",     "\\p{Klingon}", "\\pL",    "\\p{L",    "[[:nothing:]]",
        "[a&&]",       "(?~a)",     "\\g<1>", "(?P<n>a)", "(?(1)a)",      "(*FAIL)", "x(?i)a|b", "[a-\\d]",
        "\\x{110000}", "\\x{D800}", "\\u12"}) {
    INFO(pattern);
    CHECK(lacks(refusal(pattern, oniguruma), {"the file: the pattern \"", "character"}) == "");
  }
  CHECK(lacks(refusal("(?s:a)", oniguruma), {"a kind of group that is not supported", "at character 2"}) == "");
  CHECK(lacks(refusal("ab\\X", oniguruma), {"uses \\X, which is not supported, at character 4"}) == "");
  CHECK(refusal(std::string(100000, 'a'), python).find("at most") != std::string::npos);
  for (const char c : {'(', '['})
    CHECK(refusal(std::string(10000, c), oniguruma).find("too deeply") != std::string::npos);
}

TEST_CASE("regex: patterns made to take for ever end soon, with their name") {
  const std::string name(200, 'a');
  for (const char* pattern :
       {"(a*)*b", "(a|aa)+b", "(a|a)*b", "(?:a?){100}a{100}b", "(.*)(.*)(.*)(.*)(.*)(.*)b", "(?=(a+)+b)"}) {
    INFO(pattern);
    const Regex regex(pattern, Regex::Flavour::python, "the file");
    CHECK(lacks(error_of([&] { regex.full_match(name); }), {"the file: the pattern \"", pattern, "too much work"}) ==
          "");
  }
  std::string nested = "a";
  for (int i = 0; i < 8; ++i) nested = "(" + nested + "{1,500})";
  CHECK(lacks(refusal(nested, Regex::Flavour::python), {"too large"}) == "");
  const Regex deep("(?:a|b)+c|(a|b)+", Regex::Flavour::oniguruma, "the file");
  CHECK(deep.search(std::string(200000, 'a'))->end == 200000);
}

TEST_CASE("regex: one object for many threads, and text that is not UTF-8") {
  const Regex words("[a-z]+", Regex::Flavour::oniguruma, "here");
  std::vector<std::size_t> found(8);
  std::vector<std::thread> team;
  for (std::size_t i = 0; i < found.size(); ++i)
    team.emplace_back([&, i] {
      std::string text;
      for (int k = 0; k < 2000; ++k) text += "word ";
      words.for_each_match(text, [&](Regex::Range r) { found[i] += r.end - r.begin; });
    });
  for (std::thread& thread : team) thread.join();
  CHECK(found == std::vector<std::size_t>(8, 8000));
  CHECK(lacks(error_of([] { full_match("a", "a\xff"); }), {"here: the pattern \"a\"", "UTF-8"}) == "");
}

#endif
