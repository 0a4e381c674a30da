// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <cstddef>
#include <filesystem>
#include <optional>
#include <peft/core/error.hpp>
#include <peft/core/inline.hpp>
#include <peft/data/column_names.hpp>
#include <peft/data/dataset.hpp>
#include <peft/data/glue.hpp>
#include <peft/data/read_glue.hpp>
#include <peft/data/row.hpp>
#include <peft/data/split_files.hpp>
#include <peft/data/table.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace peft {

namespace glue_reader {

// The class or the score that a field spells: a label's name or index, or a number in the task's range.
PEFT_INLINE double target(const GlueTask& task, const Table& table, std::size_t column) {
  const std::string_view field = table.field(column);
  const std::optional<double> number = parse_number(field);
  if (task.regression()) {
    if (!number) table.refuse(column, "is not a number; a score from ", task.low, " to ", task.high, " was expected");
    if (*number < task.low || *number > task.high)
      table.refuse(column, "is out of range; a score from ", task.low, " to ", task.high, " was expected");
    return *number;
  }
  for (std::size_t i = 0; i < task.labels.size(); ++i)
    if (field == task.labels[i] || (number && *number == static_cast<double>(i))) return static_cast<double>(i);
  std::string known;
  for (std::size_t i = 0; i < task.labels.size(); ++i) known += cat(i == 0 ? "" : ", ", i, " (", task.labels[i], ')');
  table.refuse(column, "is not a label of ", task.name, "; the labels are ", known);
}

/// The columns of the task's texts, under its own names or others that people use.
PEFT_INLINE FoundColumns texts(const GlueTask& task, const Table& table, std::vector<std::string>& notes) {
  const bool pair = !task.b.empty();
  if (const auto a = table.find(task.a), b = pair ? table.find(task.b) : a; a && b)
    return {*a, pair ? b : std::nullopt};
  const FoundColumns found = find_texts(table, notes);
  if (found.b.has_value() != pair)
    fail(table.name(), ", line 1: ", task.name, pair ? " has two texts, " : " has one text, ", quoted(task.a),
         pair ? cat(" and ", quoted(task.b)) : "", "; the columns are ", listed(table.columns()));
  return found;
}

PEFT_INLINE Dataset empty(const GlueTask& task, const std::filesystem::path& file) {
  Dataset out;
  out.source = file.string();
  out.label_names = task.labels;
  out.regression = task.regression();
  out.pairs = !task.b.empty();
  return out;
}

PEFT_INLINE void fill(Dataset& out, const GlueTask& task, Table& table, Labels labels) {
  const auto [a, b] = texts(task, table, out.notes);
  const auto label = labels == Labels::Ignored ? std::nullopt : table.find(task.label);
  out.labelled = label.has_value();
  require(out.labelled || labels != Labels::Required, out.source, ": this split of ", task.name,
          " has no labels (no column ", quoted(task.label), "); predict with it, but train and evaluate on others");
  while (table.next()) {
    if (task.drops_short_rows && !table.whole()) {
      ++out.skipped;
      continue;
    }
    table.require_whole();
    Example example{std::string(table.field(a)), {}, 0};
    if (b) example.b = table.field(*b);
    if (label) example.target = target(task, table, *label);
    out.examples.push_back(std::move(example));
  }
  require(!out.examples.empty(), out.source, ": the file holds no examples");
}

}  // namespace glue_reader

PEFT_INLINE Dataset read_glue(const GlueTask& task, const std::filesystem::path& folder, std::string_view split,
                              Labels labels) {
  const auto file = find_split(folder, task.folder, task.files(split), cat("the ", split, " split of ", task.name));
  Dataset out = glue_reader::empty(task, file);
  const bool headerless = !task.headerless.empty() && split != "test";
  Table table = Table::glue(file, headerless ? task.headerless : std::vector<std::string>());
  glue_reader::fill(out, task, table, labels);
  return out;
}

PEFT_INLINE Dataset read_glue_file(const GlueTask& task, const std::filesystem::path& file, Labels labels) {
  Dataset out = glue_reader::empty(task, file);
  const bool official = file.extension() == ".tsv";  // a quote is a character there
  Table table = official ? Table::glue(file) : Table::open(file, out.notes);
  if (official && !task.headerless.empty() && !table.find(task.a) && table.columns().size() == task.headerless.size()) {
    Table headerless = Table::glue(file, task.headerless);
    glue_reader::fill(out, task, headerless, labels);
  } else {
    glue_reader::fill(out, task, table, labels);
  }
  return out;
}

}  // namespace peft
