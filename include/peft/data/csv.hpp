// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstddef>
#include <deque>
#include <peft/data/row.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace peft {

/// The separator of a table, ',' or ';' or a tab: the one that divides the header, outside quotes. Where several do,
/// the one by which the first rows are as wide as the header; ',' where none does, the table having one column. Throws
/// Error where two would do, and for a quote that is never closed.
char find_separator(std::string_view text, const std::string& name);

/// Reads records of fields with separators between, with quotes as pandas and Python's csv read them: a field that
/// begins with a quote may hold separators, line ends and doubled quotes; what follows the closing quote belongs to the
/// field too; any other quote is a character. Records end in LF, CRLF or CR; lines of nothing but spaces do not count.
/// Rows may all end in separators that the header lacks. Throws Error naming line and field for a quote that is never
/// closed, and, between tabs, for a quoted text over several lines with tabs in it: there quotes are more often
/// characters.
class CsvRows : public RowSource {
 public:
  /// `text` must outlive the rows; `name` is for messages.
  CsvRows(std::string_view text, std::string name, char separator);

  std::vector<std::string> header() override;
  bool next(Row& row) override;

 private:
  bool ends_field() const;
  void skip_blank_lines();
  void skip_line_end();
  std::string_view plain();
  std::string_view quoted_field(std::size_t number);
  void drop_surplus(Row& row);
  [[noreturn]] void stop(std::size_t line, std::size_t field, std::string_view what) const;

  std::string_view text_;
  std::string name_, ends_;  // what ends a plain field
  char separator_;
  std::size_t at_ = 0, line_ = 1;
  std::deque<std::string> made_;  // fields of the current record that had to be unquoted
  std::size_t width_ = 0, surplus_ = 0;
  bool begun_ = false;
};

}  // namespace peft

#ifndef PEFT_SEPARATE
#include <peft/data/csv.ipp>
#endif
