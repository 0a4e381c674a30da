// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <cctype>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "peft/core/error.hpp"
#include "peft/report/width.hpp"

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

  explicit Table(Row header, std::vector<Align> align = {}) : header_(std::move(header)), align_(std::move(align)) {
    require(!header_.empty(), "table: a table needs at least one column");
    require(align_.size() <= header_.size(), "table: ", align_.size(), " alignments for ", header_.size(), " columns");
    align_.resize(header_.size(), Align::Auto);
  }

  /// Throws Error unless the row has one cell per column.
  void add(Row row) { rows_.push_back(checked(std::move(row))); }

  /// A row below a second rule: totals.
  void foot(Row row) { foot_.push_back(checked(std::move(row))); }

  /// Columns two spaces apart, a rule under the header and above the foot; every line ends in a line break and none
  /// in spaces.
  std::string text() const {
    const auto [widths, right] = layout();
    std::size_t total = 2 * (widths.size() - 1);
    for (const std::size_t w : widths) total += w;
    const std::string rule = std::string(total, '-') + '\n';
    std::string out = line(header_, widths, right) + rule;
    for (const Row& row : rows_) out += line(row, widths, right);
    if (!foot_.empty()) out += rule;
    for (const Row& row : foot_) out += line(row, widths, right);
    return out;
  }

  /// A GitHub Markdown table; '|' is escaped, the foot is bold.
  std::string markdown() const {
    const auto [widths, right] = layout();
    std::string rule = "|";
    for (const bool r : right) rule += r ? " ---: |" : " --- |";
    std::string out = markdown_line(header_, "") + rule + '\n';
    for (const Row& row : rows_) out += markdown_line(row, "");
    for (const Row& row : foot_) out += markdown_line(row, "**");
    return out;
  }

 private:
  struct Layout {
    std::vector<std::size_t> widths;
    std::vector<bool> right;
  };

  Row checked(Row row) const {
    require(row.size() == header_.size(), "table: a row of ", row.size(), " cells in a table of ", header_.size(),
            " columns (first cell '", row.empty() ? "" : row.front(), "')");
    return row;
  }

  static std::string flat(std::string text) {
    std::replace_if(
        text.begin(), text.end(), [](char c) { return c == '\n' || c == '\r' || c == '\t'; }, ' ');
    return text;
  }

  /// A number, alone or followed by '%' or by a space and a unit. "384x384" and "8 of" are told apart by the space.
  static bool numeric(std::string_view cell) {
    const std::size_t sign = !cell.empty() && (cell[0] == '-' || cell[0] == '+') ? 1 : 0;
    std::size_t i = sign;
    while (i < cell.size() && (std::isdigit(static_cast<unsigned char>(cell[i])) || cell[i] == ',' || cell[i] == '.'))
      ++i;
    if (i == sign) return false;
    if (i + 1 < cell.size() && (cell[i] == 'e' || cell[i] == 'E')) {
      ++i;
      if (cell[i] == '-' || cell[i] == '+') ++i;
      while (i < cell.size() && std::isdigit(static_cast<unsigned char>(cell[i]))) ++i;
    }
    return i == cell.size() || cell[i] == ' ' || cell[i] == '%';
  }

  /// Stands in a column of numbers without being one.
  static bool placeholder(std::string_view cell) {
    return cell.empty() || cell == "-" || cell == "?" || cell == "nan" || cell == "inf" || cell == "-inf";
  }

  Layout layout() const {
    const std::size_t columns = header_.size();
    Layout out{std::vector<std::size_t>(columns), std::vector<bool>(columns)};
    for (std::size_t c = 0; c < columns; ++c) {
      bool any = false, all = true;
      out.widths[c] = width(flat(header_[c]));
      for (const auto* part : {&rows_, &foot_}) {
        for (const Row& row : *part) {
          out.widths[c] = std::max(out.widths[c], width(flat(row[c])));
          any = any || numeric(row[c]);
          all = all && (numeric(row[c]) || placeholder(row[c]));
        }
      }
      out.right[c] = align_[c] == Align::Right || (align_[c] == Align::Auto && any && all);
    }
    return out;
  }

  static std::string line(const Row& row, const std::vector<std::size_t>& widths, const std::vector<bool>& right) {
    std::string out;
    for (std::size_t c = 0; c < row.size(); ++c) {
      const std::string cell = flat(row[c]), gap(widths[c] - width(cell), ' ');
      if (c > 0) out += "  ";
      out += right[c] ? gap + cell : cell + gap;
    }
    out.erase(out.find_last_not_of(' ') + 1);
    return out + '\n';
  }

  static std::string markdown_line(const Row& row, const char* mark) {
    std::string out = "|";
    for (const std::string& cell : row) {
      std::string escaped;
      for (const char c : flat(cell)) escaped += c == '|' ? std::string("\\|") : std::string(1, c);
      out += escaped.empty() ? "  |" : cat(" ", mark, escaped, mark, " |");
    }
    return out + '\n';
  }

  Row header_;
  std::vector<Align> align_;
  std::vector<Row> rows_, foot_;
};

}  // namespace peft::report
