// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <filesystem>
#include <peft/core/error.hpp>
#include <peft/core/inline.hpp>
#include <peft/data/csv.hpp>
#include <peft/data/dataset.hpp>
#include <peft/data/pair_dataset.hpp>
#include <peft/data/read_glue.hpp>
#include <peft/data/read_pairs.hpp>
#include <peft/data/table.hpp>
#include <string>
#include <string_view>

namespace peft {

PEFT_INLINE PairDataset read_pairs_file(const std::filesystem::path& file, std::string_view split,
                                        const PairColumns& columns, Labels labels) {
  PairDataset out;
  out.source = file.string();
  out.split = split;
  Table<CsvReader> table{CsvReader(file)};
  const std::size_t source = table.column(columns.source);
  out.labelled = labels == Labels::Required || table.find(columns.target).has_value();
  const std::size_t target = out.labelled ? table.column(columns.target) : 0;
  while (table.next()) {
    table.require_whole();
    if (table.field(source).empty()) table.refuse(source, "is no text to begin with");
    if (out.labelled && table.field(target).empty()) table.refuse(target, "is no text to learn");
    out.pairs.push_back(
        {std::string(table.field(source)), out.labelled ? std::string(table.field(target)) : std::string(), {}});
  }
  require(!out.pairs.empty(), out.source, ": the file holds no pairs");
  return out;
}

PEFT_INLINE PairDataset read_pairs(const std::filesystem::path& folder, std::string_view split,
                                   const PairColumns& columns, Labels labels) {
  return read_pairs_file(find_split(folder, "", {cat(split, ".csv")}, cat("the ", split, " split")), split, columns,
                         labels);
}

}  // namespace peft
