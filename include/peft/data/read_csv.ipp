// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstddef>
#include <filesystem>
#include <optional>
#include <peft/core/error.hpp>
#include <peft/core/inline.hpp>
#include <peft/data/column_names.hpp>
#include <peft/data/dataset.hpp>
#include <peft/data/label_column.hpp>
#include <peft/data/read_csv.hpp>
#include <peft/data/row.hpp>
#include <peft/data/split_files.hpp>
#include <peft/data/table.hpp>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace peft {

PEFT_INLINE Dataset read_csv_file(const std::filesystem::path& file, Labels labels, const Dataset* train,
                                  LabelKind kind) {
  Dataset out;
  out.source = file.string();
  Table table = Table::open(file, out.notes);
  const auto [a, b] = find_texts(table, out.notes);
  const auto label = labels == Labels::Ignored ? std::nullopt : find_label(table, out.notes);
  out.pairs = b.has_value();
  out.labelled = label.has_value();
  if (!label && labels == Labels::Required)
    table.lacks("label",
                "; labels, target, class and the like may be so called too; a file without can be predicted "
                "with, but train and evaluate on others");
  if (train != nullptr)
    require(train->pairs == out.pairs, out.source, ": the column \"text2\" is ", out.pairs ? "" : "not ",
            "here, unlike in ", train->source);
  LabelColumn found(label ? table.columns()[*label] : std::string());
  while (table.next()) {
    table.require_whole();
    out.examples.push_back({std::string(table.field(a)), b ? std::string(table.field(*b)) : std::string(), 0});
    if (label) found.add(table.field(*label), table.line());
  }
  require(!out.examples.empty(), out.source, ": the file holds no examples");
  require_no_late(table);
  if (train != nullptr) {
    out.label_names = train->label_names;
    out.regression = train->regression;
  }
  if (label && labels == Labels::Optional && unlabelled(found, train)) {
    out.labelled = false;
    out.notes.push_back(cat("the column ", quoted(found.name()), " holds no labels"));
  }
  if (!out.labelled) return out;
  if (train == nullptr) choose_labels(out, found, kind);
  set_targets(out, found, train);
  return out;
}

PEFT_INLINE Dataset read_csv(const std::filesystem::path& folder, std::string_view split, Labels labels,
                             const Dataset* train, LabelKind kind) {
  std::vector<std::string> notes;
  Dataset out = read_csv_file(find_split_table(folder, split, notes), labels, train, kind);
  out.notes.insert(out.notes.begin(), notes.begin(), notes.end());
  return out;
}

}  // namespace peft
