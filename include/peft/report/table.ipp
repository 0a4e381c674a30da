// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <cctype>
#include <string_view>
#include <utility>

#include <peft/core/error.hpp>
#include <peft/core/inline.hpp>
#include <peft/report/table.hpp>
#include <peft/report/width.hpp>

namespace peft::report {

PEFT_INLINE Table::Table(Row header, std::vector<Align> align) : header_(std::move(header)), align_(std::move(align)) {
  require(!header_.empty(), "table: a table needs at least one column");
  require(align_.size() <= header_.size(), "table: ", align_.size(), " alignments for ", header_.size(), " columns");
  align_.resize(header_.size(), Align::Auto);
}

PEFT_INLINE void Table::add(Row row) { rows_.push_back(checked(std::move(row))); }

PEFT_INLINE void Table::foot(Row row) { foot_.push_back(checked(std::move(row))); }

PEFT_INLINE std::string Table::text() const {
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

PEFT_INLINE std::string Table::markdown() const {
  const auto [widths, right] = layout();
  std::string rule = "|";
  for (const bool r : right) rule += r ? " ---: |" : " --- |";
  std::string out = markdown_line(header_, "") + rule + '\n';
  for (const Row& row : rows_) out += markdown_line(row, "");
  for (const Row& row : foot_) out += markdown_line(row, "**");
  return out;
}

PEFT_INLINE Table::Row Table::checked(Row row) const {
  require(row.size() == header_.size(), "table: a row of ", row.size(), " cells in a table of ", header_.size(),
          " columns (first cell '", row.empty() ? "" : row.front(), "')");
  return row;
}

PEFT_INLINE std::string Table::flat(std::string text) {
  std::replace_if(text.begin(), text.end(), [](char c) { return c == '\n' || c == '\r' || c == '\t'; }, ' ');
  return text;
}

PEFT_INLINE bool Table::numeric(std::string_view cell) {
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

PEFT_INLINE bool Table::placeholder(std::string_view cell) {
  return cell.empty() || cell == "-" || cell == "?" || cell == "nan" || cell == "inf" || cell == "-inf";
}

PEFT_INLINE Table::Layout Table::layout() const {
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

PEFT_INLINE std::string Table::line(const Row& row, const std::vector<std::size_t>& widths,
                                    const std::vector<bool>& right) {
  std::string out;
  for (std::size_t c = 0; c < row.size(); ++c) {
    const std::string cell = flat(row[c]), gap(widths[c] - width(cell), ' ');
    if (c > 0) out += "  ";
    out += right[c] ? gap + cell : cell + gap;
  }
  out.erase(out.find_last_not_of(' ') + 1);
  return out + '\n';
}

PEFT_INLINE std::string Table::markdown_line(const Row& row, const char* mark) {
  std::string out = "|";
  for (const std::string& cell : row) {
    std::string escaped;
    for (const char c : flat(cell)) escaped += c == '|' ? std::string("\\|") : std::string(1, c);
    out += escaped.empty() ? "  |" : cat(" ", mark, escaped, mark, " |");
  }
  return out + '\n';
}

}  // namespace peft::report
