// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <peft/core/error.hpp>
#include <peft/core/inline.hpp>
#include <peft/data/text_file.hpp>
#include <peft/text/unicode/utf8.hpp>
#include <string>
#include <string_view>

namespace peft {

namespace text_file {

using namespace std::string_view_literals;

/// What some files are that people take for text: their first bytes, what they are, and what to do.
struct Kind {
  std::string_view begin;
  const char *what, *advice;
};
constexpr Kind kinds[] = {
    {"\xFF\xFE\0\0"sv, "text in UTF-32", "convert it: iconv -f utf-32 -t utf-8"},
    {"\0\0\xFE\xFF"sv, "text in UTF-32", "convert it: iconv -f utf-32 -t utf-8"},
    {"\xFF\xFE"sv, "text in UTF-16", "convert it: iconv -f utf-16 -t utf-8"},
    {"\xFE\xFF"sv, "text in UTF-16", "convert it: iconv -f utf-16 -t utf-8"},
    {"PK\3\4"sv, "a zip archive or an Excel workbook", "save the sheet as \"CSV UTF-8\""},
    {"\xD0\xCF\x11\xE0"sv, "an Excel workbook", "save the sheet as \"CSV UTF-8\""},
    {"\x1F\x8B"sv, "compressed with gzip", "unpack it: gunzip"},
    {"PAR1"sv, "a Parquet file", "write it as CSV: pandas.read_parquet(..).to_csv(.., index=False)"},
    {"ARROW1"sv, "an Arrow file", "write it as CSV: datasets.load_from_disk(..).to_csv(..)"},
};

/// The number of bytes before the first that are no UTF-8, or all.
PEFT_INLINE std::size_t well_formed(std::string_view text) {
  constexpr std::uint64_t high = 0x8080808080808080;
  std::size_t at = 0;
  while (at < text.size()) {
    std::uint64_t eight = 0;  // ASCII passes in steps of eight bytes
    if (at + 8 <= text.size()) {
      std::memcpy(&eight, text.data() + at, 8);
      if ((eight & high) == 0) {
        at += 8;
        continue;
      }
    }
    const std::size_t begin = at;
    if (utf8::next(text, at) == utf8::replacement && text.substr(begin, at - begin) != "\xEF\xBF\xBD") return begin;
  }
  return at;
}

PEFT_INLINE std::string place(const std::string& name, std::string_view before) {
  const std::size_t lines = count_line_ends(before);
  const auto end = before.find_last_of("\r\n");
  return cat(name, ", line ", lines + 1, ", column ",
             utf8::count(end == before.npos ? before : before.substr(end + 1)) + 1);
}

PEFT_INLINE std::string hexadecimal(char c) {
  constexpr std::string_view digits = "0123456789ABCDEF";
  const auto byte = static_cast<unsigned char>(c);
  return {'0', 'x', digits[byte >> 4], digits[byte & 15]};
}

}  // namespace text_file

PEFT_INLINE std::string_view checked_text(std::string_view bytes, const std::string& name) {
  using namespace text_file;
  for (const text_file::Kind& kind : kinds)
    if (bytes.starts_with(kind.begin))
      fail(name, ": this is ", kind.what, "; a text file in UTF-8 was expected; ", kind.advice);
  if (bytes.starts_with("\xEF\xBB\xBF")) bytes.remove_prefix(3);
  if (const auto nul = bytes.find('\0'); nul != bytes.npos)
    fail(place(name, bytes.substr(0, nul)),
         ": a NUL byte; a text file in UTF-8 was expected (is this UTF-16, or binary? "
         "iconv -f utf-16le -t utf-8 converts the former)");
  if (const std::size_t end = well_formed(bytes); end < bytes.size())
    fail(place(name, bytes.substr(0, end)), ": the byte ", hexadecimal(bytes[end]),
         " is not UTF-8; if the file is in Latin-1, as Excel's plain CSV is, convert it: iconv -f latin1 -t utf-8 ",
         name, " > NEW (else name its encoding there)");
  return bytes;
}

PEFT_INLINE std::string_view take_line(std::string_view& text) {
  const std::size_t end = std::min(text.find_first_of("\r\n"), text.size());
  const std::string_view line = text.substr(0, end);
  text.remove_prefix(std::min(end + (text.substr(end).starts_with("\r\n") ? 2 : 1), text.size()));
  return line;
}

PEFT_INLINE std::size_t count_line_ends(std::string_view text) {
  std::size_t lines = static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n'));
  for (std::size_t at = text.find('\r'); at != text.npos; at = text.find('\r', at + 1))
    lines += !text.substr(at).starts_with("\r\n");
  return lines;
}

}  // namespace peft
