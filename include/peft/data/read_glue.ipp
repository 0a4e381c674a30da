// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <cstddef>
#include <filesystem>
#include <optional>
#include <peft/core/error.hpp>
#include <peft/core/inline.hpp>
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

PEFT_INLINE void fill(Dataset& out, const GlueTask& task, Table& table, Labels labels) {
  const std::size_t a = table.column(task.a), b = out.pairs ? table.column(task.b) : 0;
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
    if (out.pairs) example.b = table.field(b);
    if (label) example.target = target(task, table, *label);
    out.examples.push_back(std::move(example));
  }
  require(!out.examples.empty(), out.source, ": the file holds no examples");
}

}  // namespace glue_reader

PEFT_INLINE Dataset read_glue(const GlueTask& task, const std::filesystem::path& folder, std::string_view split,
                              Labels labels) {
  Dataset out;
  const auto file = find_split(folder, task.folder, task.files(split), cat("the ", split, " split of ", task.name));
  out.source = file.string();
  out.label_names = task.labels;
  out.regression = task.regression();
  out.pairs = !task.b.empty();
  const bool headerless = !task.headerless.empty() && split != "test";
  Table table = Table::glue(file, headerless ? task.headerless : std::vector<std::string>());
  glue_reader::fill(out, task, table, labels);
  return out;
}

}  // namespace peft
