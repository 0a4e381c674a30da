// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <cstddef>
#include <filesystem>
#include <peft/core/error.hpp>
#include <peft/core/inline.hpp>
#include <peft/data/csv.hpp>
#include <peft/data/row.hpp>
#include <peft/io/mapped_file.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace peft {

PEFT_INLINE CsvReader::CsvReader(const std::filesystem::path& path)
    : name_(path.string()), file_(path), text_(table_text(file_.text(), name_)) {}

PEFT_INLINE bool CsvReader::next(Row& row) {
  while (ends_line()) skip_line_end();
  if (at_ == text_.size()) return false;
  row.line = line_;
  buffer_.clear();
  ends_.clear();
  for (;;) {
    if (text_[at_] == '"')
      read_quoted();
    else
      read_plain();
    ends_.push_back(buffer_.size());
    const bool more = at_ < text_.size() && text_[at_] == ',';
    if (more) ++at_;
    if (!more || at_ == text_.size() || ends_line()) {
      if (more) ends_.push_back(buffer_.size());  // an empty field after the last comma
      if (at_ < text_.size()) skip_line_end();
      break;
    }
  }
  row.fields.clear();
  std::size_t begin = 0;
  for (const std::size_t end : ends_) {
    row.fields.push_back(std::string_view(buffer_).substr(begin, end - begin));
    begin = end;
  }
  return true;
}

PEFT_INLINE void CsvReader::skip_line_end() {
  at_ += text_[at_] == '\r' ? 2u : 1u;
  ++line_;
}

PEFT_INLINE void CsvReader::read_plain() {
  const std::size_t begin = at_;
  while (at_ < text_.size() && text_[at_] != ',' && !ends_line()) {
    if (text_[at_] == '"')
      stop(line_, "a quote inside a field that does not begin with one; quote the field and double the quote");
    ++at_;
  }
  buffer_ += text_.substr(begin, at_ - begin);
}

PEFT_INLINE void CsvReader::read_quoted() {
  const std::size_t opened = line_;
  for (++at_;; ++at_) {
    const std::size_t quote = text_.find('"', at_);
    if (quote == text_.npos) stop(opened, "the quote that begins this field is never closed");
    const std::string_view part = text_.substr(at_, quote - at_);
    line_ += static_cast<std::size_t>(std::count(part.begin(), part.end(), '\n'));
    buffer_ += part;
    at_ = quote + 1;
    if (at_ == text_.size() || text_[at_] != '"') break;
    buffer_ += '"';
  }
  if (at_ < text_.size() && text_[at_] != ',' && !ends_line())
    stop(line_, "text after the closing quote; a comma or the end of the line was expected");
}

PEFT_INLINE void CsvReader::stop(std::size_t line, std::string_view what) const {
  fail(name_, ", line ", line, ", column ", ends_.size() + 1, ": ", what);
}

}  // namespace peft
