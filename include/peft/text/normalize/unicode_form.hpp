// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <utf8proc.h>

#include <cstddef>
#include <peft/core/error.hpp>
#include <peft/text/unicode/characters.hpp>
#include <peft/text/unicode/utf8.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace peft {

/// Unicode's normalisation forms (UAX 15), as of the reference's Unicode version.
struct UnicodeForm {
  bool compose = false;        // NFC, NFKC; else NFD, NFKD
  bool compatibility = false;  // NFKC, NFKD

  std::string operator()(std::string_view text) const {
    if (utf8::is_ascii(text)) return std::string(text);
    std::string out;
    out.reserve(text.size() + text.size() / 4);
    std::size_t begin = 0;
    for (std::size_t at = 0; at < text.size();) {
      const std::size_t here = at;
      if (!characters::is_inert(utf8::next(text, at))) continue;
      append(text.substr(begin, here - begin), out);
      out += text.substr(here, at - here);
      begin = at;
    }
    append(text.substr(begin), out);
    return out;
  }

 private:
  void append(std::string_view text, std::string& out) const {
    if (utf8::is_ascii(text)) {
      out += text;
      return;
    }
    const auto options = static_cast<utf8proc_option_t>(UTF8PROC_STABLE | (compatibility ? UTF8PROC_COMPAT : 0) |
                                                        (compose ? UTF8PROC_COMPOSE : UTF8PROC_DECOMPOSE));
    std::vector<utf8proc_int32_t> codes(text.size() + 16);
    const auto decompose = [&] {
      const auto bytes = reinterpret_cast<const utf8proc_uint8_t*>(text.data());
      return checked(utf8proc_decompose(bytes, static_cast<utf8proc_ssize_t>(text.size()), codes.data(),
                                        static_cast<utf8proc_ssize_t>(codes.size()), options));
    };
    std::size_t count = decompose();
    if (count > codes.size()) {  // a second time when the text grows beyond that
      codes.resize(count);
      decompose();
    }
    count = checked(utf8proc_normalize_utf32(codes.data(), static_cast<utf8proc_ssize_t>(count), options));
    for (std::size_t i = 0; i < count; ++i) utf8::append(out, static_cast<char32_t>(codes[i]));
  }

  static std::size_t checked(utf8proc_ssize_t count) {
    require(count >= 0, "Unicode normalisation failed: ", utf8proc_errmsg(count));
    return static_cast<std::size_t>(count);
  }
};

}  // namespace peft
