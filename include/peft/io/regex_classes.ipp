// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <cstdio>
#include <initializer_list>
#include <optional>
#include <peft/core/error.hpp>
#include <peft/core/inline.hpp>
#include <peft/io/newer_characters.hpp>
#include <peft/io/regex_classes.hpp>
#include <string>
#include <string_view>
#include <utility>

namespace peft::regex_classes {

namespace detail {

// Long names of the general categories, as `named` compares them.
constexpr std::pair<std::string_view, std::string_view> categories[] = {{"letter", "L"},
                                                                        {"uppercaseletter", "Lu"},
                                                                        {"lowercaseletter", "Ll"},
                                                                        {"titlecaseletter", "Lt"},
                                                                        {"modifierletter", "Lm"},
                                                                        {"otherletter", "Lo"},
                                                                        {"mark", "M"},
                                                                        {"combiningmark", "M"},
                                                                        {"nonspacingmark", "Mn"},
                                                                        {"spacingmark", "Mc"},
                                                                        {"enclosingmark", "Me"},
                                                                        {"number", "N"},
                                                                        {"decimalnumber", "Nd"},
                                                                        {"letternumber", "Nl"},
                                                                        {"othernumber", "No"},
                                                                        {"punctuation", "P"},
                                                                        {"connectorpunctuation", "Pc"},
                                                                        {"dashpunctuation", "Pd"},
                                                                        {"openpunctuation", "Ps"},
                                                                        {"closepunctuation", "Pe"},
                                                                        {"initialpunctuation", "Pi"},
                                                                        {"finalpunctuation", "Pf"},
                                                                        {"otherpunctuation", "Po"},
                                                                        {"symbol", "S"},
                                                                        {"mathsymbol", "Sm"},
                                                                        {"currencysymbol", "Sc"},
                                                                        {"modifiersymbol", "Sk"},
                                                                        {"othersymbol", "So"},
                                                                        {"separator", "Z"},
                                                                        {"spaceseparator", "Zs"},
                                                                        {"lineseparator", "Zl"},
                                                                        {"paragraphseparator", "Zp"},
                                                                        {"control", "Cc"},
                                                                        {"format", "Cf"},
                                                                        {"surrogate", "Cs"},
                                                                        {"privateuse", "Co"}};

// Scripts that are asked for, as PCRE2 names them, and what Unicode 15 and 16 added to them.
constexpr std::pair<const char*, const char*> scripts[] = {
    {"han", R"(\x{2B739}\x{2EBF0}-\x{2EE5D}\x{31350}-\x{323AF})"},
    {"hiragana", R"(\x{1B132})"},
    {"katakana", R"(\x{1B155})"},
    {"latin", R"(\x{A7CB}-\x{A7CD}\x{A7DA}-\x{A7DC}\x{1DF25}-\x{1DF2A})"},
    {"cyrillic", R"(\x{1C89}\x{1C8A}\x{1E030}-\x{1E06D}\x{1E08F})"},
    {"hangul", ""},
    {"thai", ""},
    {"greek", ""},
    {"arabic", R"(\x{897}\x{10EC2}-\x{10EC4}\x{10EFC}-\x{10EFF})"},
    {"hebrew", ""},
    {"bopomofo", ""},
    {"lao", ""},
    {"tibetan", ""},
    {"myanmar", ""},
    {"armenian", ""},
    {"georgian", ""},
    {"khmer", ""},
    {"mongolian", ""},
    {"bengali", ""},
    {"tamil", ""},
    {"sinhala", ""},
    {"gurmukhi", ""},
    {"gujarati", ""},
    {"oriya", ""},
    {"malayalam", ""}};

// Marks that became Alphabetic, or came so, with Unicode 15 and 16.
constexpr const char* newer_alphabetic =
    R"(\x{363}-\x{36F}\x{897}\x{C04}\x{CF3}\x{F82}-\x{F83}\x{1DD3}-\x{1DE6}\x{10D69}\x{10EFC})"
    R"(\x{11080}-\x{11081}\x{11241}\x{113B8}-\x{113C0}\x{113C2}\x{113C5}\x{113C7}-\x{113CA})"
    R"(\x{113CC}-\x{113CD}\x{11F00}-\x{11F01}\x{11F03}\x{11F34}-\x{11F3A}\x{11F3E}-\x{11F40})"
    R"(\x{1611E}-\x{1612E}\x{1E08F})";

// Those of newer_characters whose category begins so.
PEFT_INLINE std::string newer(std::string_view category) {
  std::string out;
  for (const NewerCharacters& range : newer_characters) {
    if (!std::string_view(range.category).starts_with(category)) continue;
    char text[40];
    std::snprintf(text, sizeof text, "\\x{%X}-\\x{%X}", static_cast<unsigned>(range.first),
                  static_cast<unsigned>(range.last));
    out += text;
  }
  return out;
}

}  // namespace detail

PEFT_INLINE std::string category(std::string_view name) {
  return "\\p{" + std::string(name) + "}" + detail::newer(name);
}

PEFT_INLINE std::optional<Class> named(std::string_view name) {
  std::string plain;
  for (const char c : name)
    if (c != ' ' && c != '-' && c != '_') plain += c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  const auto all = [](std::initializer_list<const char*> categories) {
    std::string out;
    for (const char* one : categories) out += category(one);
    return out;
  };
  const auto alphabetic = [] {
    return "\\p{Alphabetic}" + detail::newer("L") + detail::newer("Nl") + detail::newer_alphabetic;
  };
  if (plain == "alpha" || plain == "alphabetic") return Class{alphabetic()};
  if (plain == "alnum") return Class{alphabetic() + category("Nd")};
  if (plain == "word") return Class{alphabetic() + all({"M", "Nd", "Pc"})};
  if (plain == "digit") return Class{category("Nd")};
  if (plain == "space" || plain == "whitespace") return Class{space};
  if (plain == "blank") return Class{"\\x{9}" + category("Zs")};
  if (plain == "cntrl") return Class{category("Cc")};
  if (plain == "xdigit" || plain == "asciihexdigit") return Class{"0-9A-Fa-f"};
  if (plain == "upper" || plain == "uppercase") return Class{"\\p{Uppercase}" + detail::newer("Lu")};
  if (plain == "lower" || plain == "lowercase") return Class{"\\p{Lowercase}" + detail::newer("Ll")};
  if (plain == "punct") return Class{all({"P", "S"})};
  if (plain == "graph") return Class{all({"L", "M", "N", "P", "S", "Cf", "Co"})};
  if (plain == "print") return Class{all({"L", "M", "N", "P", "S", "Cf", "Co", "Zs"})};
  if (plain == "ascii") return Class{"\\x{0}-\\x{7F}"};
  if (plain == "any") return Class{"\\x{0}-\\x{10FFFF}"};
  // What is not assigned in an older Unicode may be in a newer one: these by what they are not.
  if (plain == "c" || plain == "other") return Class{all({"L", "M", "N", "P", "S", "Z"}), true};
  if (plain == "cn" || plain == "unassigned")
    return Class{all({"L", "M", "N", "P", "S", "Z", "Cc", "Cf", "Co", "Cs"}), true};
  for (const auto& [text, letters] : detail::categories) {
    std::string same(letters);
    std::transform(same.begin(), same.end(), same.begin(), [](char c) { return static_cast<char>(c | 32); });
    if (plain == text || plain == same) return Class{category(letters)};
  }
  for (const auto& [script, newer] : detail::scripts)
    if (plain == script) return Class{cat("\\p{sc:", script, '}', newer)};
  return std::nullopt;
}

}  // namespace peft::regex_classes
