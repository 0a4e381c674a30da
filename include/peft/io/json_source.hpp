// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstddef>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

namespace peft::json_reader {

// Gives the parser one character after the other and always knows how far it has come.
class Source {
 public:
  using char_type = char;

  Source(std::string_view text, std::size_t& seen) : text_(text), seen_(seen) {}

  std::char_traits<char>::int_type get_character() {
    if (seen_ == text_.size()) return std::char_traits<char>::eof();
    return std::char_traits<char>::to_int_type(text_[seen_++]);
  }

 private:
  std::string_view text_;
  std::size_t& seen_;
};

/// What the parser found wrong, without its own idea of the place: "[json.exception.parse_error.101] parse error at
/// ...: WHAT".
inline std::string_view reason(const nlohmann::detail::exception& error) {
  std::string_view what = error.what();
  if (const auto end = what.find("] "); end != what.npos) what.remove_prefix(end + 2);
  if (const auto start = what.find(": "); what.starts_with("parse error") && start != what.npos)
    what.remove_prefix(start + 2);
  return what;
}

}  // namespace peft::json_reader
