// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <filesystem>
#include <optional>
#include <peft/core/error.hpp>
#include <peft/core/inline.hpp>
#include <peft/data/column_names.hpp>
#include <peft/data/dataset.hpp>
#include <peft/data/pair_dataset.hpp>
#include <peft/data/read_pairs.hpp>
#include <peft/data/split_files.hpp>
#include <peft/data/table.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace peft {

PEFT_INLINE PairDataset read_pairs_file(const std::filesystem::path& file, std::string_view split,
                                        const PairColumns& columns, Labels labels) {
  PairDataset out;
  out.source = file.string();
  out.split = split;
  Table table = Table::open(file, out.notes);
  const bool required = labels == Labels::Required;
  FoundColumns found;
  if (columns == PairColumns())
    found = find_pair(table, required, out.notes);
  else
    found = {table.column(columns.source), required ? table.column(columns.target) : table.find(columns.target)};
  if (labels == Labels::Ignored) found.b.reset();
  out.labelled = found.b.has_value();
  while (table.next()) {
    table.require_whole();
    const std::string_view source = table.field(found.a), target = found.b ? table.field(*found.b) : "";
    if (source.empty()) table.refuse(found.a, "is no text to begin with");
    if (found.b && target.empty()) table.refuse(*found.b, "is no text to learn");
    out.pairs.push_back({std::string(source), std::string(target), {}});
  }
  require(!out.pairs.empty(), out.source, ": the file holds no pairs");
  require_no_late(table);
  return out;
}

PEFT_INLINE PairDataset read_pairs(const std::filesystem::path& folder, std::string_view split,
                                   const PairColumns& columns, Labels labels) {
  std::vector<std::string> notes;
  PairDataset out = read_pairs_file(find_split_table(folder, split, notes), split, columns, labels);
  out.notes.insert(out.notes.begin(), notes.begin(), notes.end());
  return out;
}

}  // namespace peft
