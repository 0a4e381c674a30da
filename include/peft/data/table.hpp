// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstddef>
#include <filesystem>
#include <memory>
#include <optional>
#include <peft/core/error.hpp>
#include <peft/core/interrupt.hpp>
#include <peft/data/row.hpp>
#include <peft/data/text_file.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace peft {

/// A table whose columns have names: those of its first row (or of the first object's keys), without spaces around
/// them, or given ones where the file has no header.
class Table {
 public:
  /// Opens a table: JSON lines by the file's name (.jsonl, .ndjson, .json), else separated fields with quotes; `notes`
  /// gets the separator where the name does not imply it.
  static Table open(const std::filesystem::path& path, std::vector<std::string>& notes);

  /// Opens one of GLUE's files: tab-separated, without quotes.
  static Table glue(const std::filesystem::path& path, std::vector<std::string> columns = {});

  const std::vector<std::string>& columns() const { return columns_; }
  /// Names of columns that appeared after the header.
  std::vector<std::string> late_columns() const { return rows_->late(); }

  /// The index of a column, or nothing: an exact match, else the only match that ignores case. Throws Error if there
  /// are two.
  std::optional<std::size_t> find(std::string_view column) const;
  std::size_t column(std::string_view column) const;
  /// Throws an error: the column is not there.
  [[noreturn]] void lacks(std::string_view column, std::string_view advice = "") const;

  /// Takes the next row; false at the end. An Interrupt stops it here.
  bool next() {
    Interrupt::check();
    return rows_->next(row_);
  }

  bool whole() const { return row_.fields.size() == columns_.size(); }
  void require_whole() const;

  /// A field of the current row, which must be whole. Throws Error where it holds no text (null, a list).
  std::string_view field(std::size_t column) const {
    if (!row_.lacks.empty() && row_.lacks[column] != nullptr) not_text(column);
    return row_.fields[column];
  }

  /// Throws an error about a field of the current row.
  template <class... A>
  [[noreturn]] void refuse(std::size_t column, const A&... what) const {
    fail(place(), ", column ", quoted(columns_[column]), ": ", quoted(field(column)), ' ', what...);
  }

  const std::string& name() const { return file_.name(); }
  std::size_t line() const { return row_.line; }
  std::string place() const { return cat(name(), ", line ", row_.line); }

 private:
  Table(TextFile file, std::unique_ptr<RowSource> rows, std::vector<std::string> columns);
  [[noreturn]] void not_text(std::size_t column) const;

  TextFile file_;
  std::unique_ptr<RowSource> rows_;
  Row row_;
  std::vector<std::string> columns_;
};

/// The whole text as a finite number, or nothing.
std::optional<double> parse_number(std::string_view text);

}  // namespace peft

#ifndef PEFT_SEPARATE
#include <peft/data/table.ipp>
#endif
