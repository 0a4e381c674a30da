// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <cstddef>
#include <peft/core/error.hpp>
#include <peft/core/inline.hpp>
#include <peft/data/csv.hpp>
#include <peft/data/row.hpp>
#include <peft/data/text_file.hpp>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace peft {

namespace csv_reader {

PEFT_INLINE std::string spelled(char separator) {
  return separator == '\t' ? "a tab" : std::string{'"', separator, '"'};
}

/// Whether the first rows are as wide as the header.
PEFT_INLINE bool fits(std::string_view text, const std::string& name, char separator) {
  constexpr int rows = 20;
  CsvRows source(text, name, separator);
  const std::size_t width = source.header().size();
  Row row;
  for (int i = 0; i < rows && source.next(row); ++i)
    if (row.fields.size() != width) return false;
  return true;
}

}  // namespace csv_reader

PEFT_INLINE char find_separator(std::string_view text, const std::string& name) {
  using namespace csv_reader;
  std::string dividing, fitting;
  for (const char separator : {',', ';', '\t'})
    if (CsvRows(text, name, separator).header().size() > 1) dividing += separator;
  if (dividing.size() < 2) return dividing.empty() ? ',' : dividing.front();
  for (const char separator : dividing)
    if (fits(text, name, separator)) fitting += separator;
  require(fitting.size() == 1, name, ", line 1: both ", spelled(dividing[0]), " and ", spelled(dividing[1]),
          " divide the header, and ", fitting.empty() ? "neither" : "either",
          " fits the first rows; "
          "quote the names of columns that hold one");
  return fitting.front();
}

PEFT_INLINE CsvRows::CsvRows(std::string_view text, std::string name, char separator)
    : text_(text), name_(std::move(name)), ends_{separator, '\n', '\r'}, separator_(separator) {}

PEFT_INLINE std::vector<std::string> CsvRows::header() {
  Row row;
  next(row);
  begun_ = false;  // the first row behind the header decides about separators at the ends of rows
  width_ = row.fields.size();
  return {row.fields.begin(), row.fields.end()};
}

PEFT_INLINE bool CsvRows::next(Row& row) {
  skip_blank_lines();
  row.fields.clear();
  if (at_ == text_.size()) return false;
  row.line = line_;
  made_.clear();
  for (;; ++at_) {
    const bool quote = at_ < text_.size() && text_[at_] == '"';
    row.fields.push_back(quote ? quoted_field(row.fields.size() + 1) : plain());
    if (at_ == text_.size() || text_[at_] != separator_) break;
  }
  skip_line_end();
  if (width_ > 1) drop_surplus(row);
  return true;
}

PEFT_INLINE bool CsvRows::ends_field() const { return at_ == text_.size() || ends_.find(text_[at_]) != ends_.npos; }

PEFT_INLINE void CsvRows::skip_blank_lines() {
  const char* const blanks = separator_ == '\t' ? " " : " \t";
  while (at_ < text_.size()) {
    const std::size_t end = std::min(text_.find_first_not_of(blanks, at_), text_.size());
    if (end < text_.size() && text_[end] != '\n' && text_[end] != '\r') return;
    at_ = end;
    skip_line_end();
  }
}

PEFT_INLINE void CsvRows::skip_line_end() {
  if (at_ == text_.size()) return;
  at_ += text_.substr(at_).starts_with("\r\n") ? 2 : 1;
  ++line_;
}

PEFT_INLINE std::string_view CsvRows::plain() {
  const std::size_t begin = at_;
  while (at_ < text_.size() && text_[at_] != separator_ && text_[at_] != '\n' && text_[at_] != '\r') ++at_;
  return text_.substr(begin, at_ - begin);
}

PEFT_INLINE std::string_view CsvRows::quoted_field(std::size_t number) {
  const std::size_t opened = line_, first = ++at_;
  std::string parts;
  std::size_t begin = first;
  for (;;) {
    at_ = text_.find('"', at_);
    if (at_ == text_.npos) stop(opened, number, "the quote that begins this field is never closed");
    if (!text_.substr(at_ + 1).starts_with('"')) break;
    parts += text_.substr(begin, at_ + 1 - begin);
    begin = at_ += 2;
  }
  const std::string_view last = text_.substr(begin, at_ - begin), inside = text_.substr(first, at_ - first);
  const std::size_t line_ends = count_line_ends(inside);
  if (separator_ == '\t' && line_ends > 0 && inside.find('\t') != inside.npos)
    stop(opened, number,
         "a quoted text goes over several lines and holds tabs; if the quote is a character of the text, "
         "quote the whole field and double it");
  line_ += line_ends;
  ++at_;
  if (begin == first && ends_field()) return last;
  return made_.emplace_back(parts.append(last).append(plain()));
}

PEFT_INLINE void CsvRows::drop_surplus(Row& row) {
  const std::size_t here = row.fields.size();
  const auto empty = [&](std::size_t from) {
    return std::all_of(row.fields.begin() + static_cast<std::ptrdiff_t>(from), row.fields.end(),
                       [](std::string_view field) { return field.empty(); });
  };
  if (!std::exchange(begun_, true)) surplus_ = here > width_ && empty(width_) ? here - width_ : 0;
  if (surplus_ > 0 && here == width_ + surplus_ && empty(width_)) row.fields.resize(width_);
}

PEFT_INLINE void CsvRows::stop(std::size_t line, std::size_t field, std::string_view what) const {
  fail(name_, ", line ", line, ", column ", field, ": ", what);
}

}  // namespace peft
