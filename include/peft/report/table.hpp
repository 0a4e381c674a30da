// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include <peft/core/error.hpp>

namespace peft::report {

enum class Align {
  Auto,  ///< right when every cell of the column is a number (with a unit, perhaps), else left
  Left,
  Right,
};

/// A table of UTF-8 cells, printed as aligned text or as Markdown. Line breaks in a cell become spaces.
class Table {
 public:
  using Row = std::vector<std::string>;

  explicit Table(Row header, std::vector<Align> align = {});

  /// Throws Error unless the row has one cell per column.
  void add(Row row);

  /// A row below a second rule: totals.
  void foot(Row row);

  /// Columns two spaces apart, a rule under the header and above the foot; every line ends in a line break and none
  /// in spaces.
  std::string text() const;

  /// A GitHub Markdown table; '|' is escaped, the foot is bold.
  std::string markdown() const;

 private:
  struct Layout {
    std::vector<std::size_t> widths;
    std::vector<bool> right;
  };

  Row checked(Row row) const;

  static std::string flat(std::string text);

  /// A number, alone or followed by '%' or by a space and a unit. "384x384" and "8 of" are told apart by the space.
  static bool numeric(std::string_view cell);

  /// Stands in a column of numbers without being one.
  static bool placeholder(std::string_view cell);

  Layout layout() const;

  static std::string line(const Row& row, const std::vector<std::size_t>& widths, const std::vector<bool>& right);

  static std::string markdown_line(const Row& row, const char* mark);

  Row header_;
  std::vector<Align> align_;
  std::vector<Row> rows_, foot_;
};

}  // namespace peft::report

#ifndef PEFT_SEPARATE
#include <peft/report/table.ipp>
#endif
