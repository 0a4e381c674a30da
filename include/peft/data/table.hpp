// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <cstddef>
#include <optional>
#include <peft/core/error.hpp>
#include <peft/data/row.hpp>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace peft {

/// A table whose columns have names: those of its first row, or given ones where the file has no header.
/// `Reader` is TsvReader or CsvReader.
template <class Reader>
class Table {
 public:
  explicit Table(Reader reader) : reader_(std::move(reader)) {
    require(reader_.next(row_), name(), ": the file is empty; a header with the names of its columns was expected");
    columns_.assign(row_.fields.begin(), row_.fields.end());
    for (auto column = columns_.begin(); column != columns_.end(); ++column)
      require(std::find(columns_.begin(), column, *column) == column, name(), ", line 1: the column ", quoted(*column),
              " appears twice");
  }
  Table(Reader reader, std::vector<std::string> columns) : reader_(std::move(reader)), columns_(std::move(columns)) {}
  Table(const Table&) = delete;  // the current row points into the reader

  /// The number of a column, or nothing.
  std::optional<std::size_t> find(std::string_view column) const {
    const auto found = std::find(columns_.begin(), columns_.end(), column);
    if (found == columns_.end()) return std::nullopt;
    return static_cast<std::size_t>(found - columns_.begin());
  }
  std::size_t column(std::string_view column) const {
    if (const auto found = find(column)) return *found;
    fail(name(), ", line 1: there is no column ", quoted(column), "; the columns are ", listed(columns_));
  }

  /// Takes the next row; false at the end.
  bool next() { return reader_.next(row_); }

  bool whole() const { return row_.fields.size() == columns_.size(); }
  void require_whole() const {
    if (!whole())
      fail(place(), ": ", row_.fields.size(), " fields, ", columns_.size(), " were expected (", listed(columns_), ')');
  }

  /// A field of the current row, which must be whole.
  std::string_view field(std::size_t column) const { return row_.fields[column]; }

  /// Throws an error about a field of the current row.
  template <class... A>
  [[noreturn]] void refuse(std::size_t column, const A&... what) const {
    fail(place(), ", column ", quoted(columns_[column]), ": ", quoted(field(column)), ' ', what...);
  }

  const std::string& name() const { return reader_.name(); }
  std::size_t line() const { return row_.line; }
  std::string place() const { return cat(name(), ", line ", row_.line); }

 private:
  Reader reader_;
  Row row_;
  std::vector<std::string> columns_;
};

/// The finite number that the whole text spells, or nothing.
std::optional<double> parse_number(std::string_view text);

}  // namespace peft

#ifndef PEFT_SEPARATE
#include <peft/data/table.ipp>
#endif
