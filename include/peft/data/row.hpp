// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace peft {

/// One record of a table: its fields, and the line of the file on which it begins, from 1.
struct Row {
  std::size_t line = 0;
  std::vector<std::string_view> fields;
  std::vector<const char*> lacks{};  // by field, why it is no text ("is null"), or null; empty where all are text
};

/// Where a table's rows come from; a row's fields are valid until the next one is read.
class RowSource {
 public:
  virtual ~RowSource() = default;

  /// The names of the columns. To be called once, before the first `next`; empty for a file without a record.
  virtual std::vector<std::string> header() = 0;
  /// Takes the next record; false at the end of the file.
  virtual bool next(Row& row) = 0;
  /// Names of columns that appear only after the header, as they may in JSON lines.
  virtual std::vector<std::string> late() const { return {}; }
};

/// Text of a file in an error message: quoted, shortened, without bytes that would garble a terminal.
std::string quoted(std::string_view text);
inline std::string quoted(const std::string& text) { return quoted(std::string_view(text)); }  // before std::quoted

/// The names for an error message: quoted, separated by ", ", the first twenty.
std::string listed(const std::vector<std::string>& names);

/// The text without the spaces, tabs and line ends around it.
std::string_view stripped(std::string_view text);

/// The text with small letters for those of ASCII.
std::string lower_case(std::string_view text);

}  // namespace peft

#ifndef PEFT_SEPARATE
#include <peft/data/row.ipp>
#endif
