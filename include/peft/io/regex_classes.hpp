// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <optional>
#include <string>
#include <string_view>

/// Classes of characters, as what stands between the brackets of a PCRE2 class.
namespace peft::regex_classes {

/// \s of Python's `re`; Oniguruma's lacks U+001C to U+001F.
inline constexpr const char* python_space =
    R"(\x{9}-\x{D}\x{1C}-\x{20}\x{85}\x{A0}\x{1680}\x{2000}-\x{200A}\x{2028}\x{2029}\x{202F}\x{205F}\x{3000})";
inline constexpr const char* space =
    R"(\x{9}-\x{D}\x{20}\x{85}\x{A0}\x{1680}\x{2000}-\x{200A}\x{2028}\x{2029}\x{202F}\x{205F}\x{3000})";

/// What Oniguruma's \w and \b know beside [[:word:]].
inline constexpr const char* more_word = R"(\x{B2}\x{B3}\x{B9}\x{BC}-\x{BE})";

/// The characters of a general category ("L", "Lu"), those of newer_characters among them.
std::string category(std::string_view name);

struct Class {
  std::string items;
  bool negated = false;  // all characters but these
};

/// What Oniguruma knows by a name: a general category, short or long, a POSIX class, or a script; case, spaces, "-" and
/// "_" aside. Nothing for a name that is not known to have a counterpart.
std::optional<Class> named(std::string_view name);

}  // namespace peft::regex_classes

#ifndef PEFT_SEPARATE
#include <peft/io/regex_classes.ipp>
#endif
