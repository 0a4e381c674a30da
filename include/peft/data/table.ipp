// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <charconv>
#include <cmath>
#include <cstddef>
#include <filesystem>
#include <memory>
#include <optional>
#include <peft/core/error.hpp>
#include <peft/core/inline.hpp>
#include <peft/data/csv.hpp>
#include <peft/data/json_rows.hpp>
#include <peft/data/row.hpp>
#include <peft/data/table.hpp>
#include <peft/data/text_file.hpp>
#include <peft/data/tsv.hpp>
#include <peft/io/near_names.hpp>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

namespace peft {

PEFT_INLINE Table Table::open(const std::filesystem::path& path, std::vector<std::string>& notes) {
  TextFile file(path);
  const std::string kind = lower_case(path.extension().string());
  std::unique_ptr<RowSource> rows;
  if (kind == ".jsonl" || kind == ".ndjson" || kind == ".json") {
    rows = std::make_unique<JsonRows>(file.text(), file.name());
  } else {
    const char separator = find_separator(file.text(), file.name());
    if (separator != ',' && !(separator == '\t' && kind == ".tsv"))
      notes.push_back(cat("the columns are separated by ", separator == '\t' ? "tabs" : "\";\""));
    rows = std::make_unique<CsvRows>(file.text(), file.name(), separator);
  }
  return {std::move(file), std::move(rows), {}};
}

PEFT_INLINE Table Table::glue(const std::filesystem::path& path, std::vector<std::string> columns) {
  TextFile file(path);
  auto rows = std::make_unique<TsvRows>(file.text());
  return {std::move(file), std::move(rows), std::move(columns)};
}

PEFT_INLINE Table::Table(TextFile file, std::unique_ptr<RowSource> rows, std::vector<std::string> columns)
    : file_(std::move(file)), rows_(std::move(rows)), columns_(std::move(columns)) {
  if (!columns_.empty()) return;
  columns_ = rows_->header();
  constexpr std::size_t most = 10000;
  require(columns_.size() <= most, this->name(), ", line 1: ", columns_.size(), " columns, at most ", most,
          " were expected; take those of the texts and the label");
  for (std::string& column : columns_) column = stripped(column);
  require(!columns_.empty(), name(), ": the file is empty; a header with the names of its columns was expected");
}

PEFT_INLINE std::optional<std::size_t> Table::find(std::string_view column) const {
  for (const bool exact : {true, false}) {
    std::optional<std::size_t> found;
    for (std::size_t i = 0; i < columns_.size(); ++i) {
      if (exact ? columns_[i] != column : lower_case(columns_[i]) != lower_case(column)) continue;
      if (found)
        fail(name(), ", line 1: the column ", quoted(column), " appears twice",
             exact ? "" : cat(", as ", quoted(columns_[*found]), " and ", quoted(columns_[i])));
      found = i;
    }
    if (found) return found;
  }
  return std::nullopt;
}

PEFT_INLINE std::size_t Table::column(std::string_view column) const {
  if (const auto found = find(column)) return *found;
  lacks(column);
}

PEFT_INLINE void Table::lacks(std::string_view column, std::string_view advice) const {
  fail(name(), ", line 1: there is no column ", quoted(column), "; the columns are ", listed(columns_),
       near_names(column, columns_), advice);
}

PEFT_INLINE void Table::require_whole() const {
  if (whole()) return;
  const bool more = row_.fields.size() > columns_.size();
  fail(place(), ": ", row_.fields.size(), " fields, ", columns_.size(), " were expected (", listed(columns_), ')',
       more ? "; a text that holds the separator stands in quotes" : "");
}

PEFT_INLINE void Table::not_text(std::size_t column) const {
  fail(place(), ", column ", quoted(columns_[column]), ": the value ", row_.lacks[column],
       "; a text or a number was expected");
}

PEFT_INLINE std::optional<double> parse_number(std::string_view text) {
  if (text.starts_with('+') && !text.starts_with("+-")) text.remove_prefix(1);
  double value = 0;
  const auto [end, status] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || status != std::errc() || end != text.data() + text.size() || !std::isfinite(value))
    return std::nullopt;
  return value;
}

}  // namespace peft
