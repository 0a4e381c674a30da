// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstddef>
#include <filesystem>
#include <peft/data/row.hpp>
#include <peft/io/mapped_file.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace peft {

/// Reads comma-separated records as RFC 4180 has them: a field in quotes may hold commas, line ends and doubled quotes;
/// records end in LF or CRLF; empty lines do not count. Throws Error naming file, line and column for stray and
/// unbalanced quotes. The fields of a row are valid until the next one is read.
class CsvReader {
 public:
  explicit CsvReader(const std::filesystem::path& path);

  /// Takes the next record; false at the end of the file.
  bool next(Row& row);

  const std::string& name() const { return name_; }

 private:
  bool ends_line() const { return at_ < text_.size() && (text_[at_] == '\n' || text_.substr(at_).starts_with("\r\n")); }

  void skip_line_end();
  void read_plain();
  void read_quoted();
  [[noreturn]] void stop(std::size_t line, std::string_view what) const;

  std::string name_;
  MappedFile file_;
  std::string_view text_;
  std::size_t at_ = 0, line_ = 1;
  std::string buffer_;             // the fields of the current record, one after the other
  std::vector<std::size_t> ends_;  // where each of them ends
};

}  // namespace peft

#ifndef PEFT_SEPARATE
#include <peft/data/csv.ipp>
#endif
