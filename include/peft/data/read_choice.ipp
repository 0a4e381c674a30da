// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstddef>
#include <filesystem>
#include <peft/core/error.hpp>
#include <peft/core/inline.hpp>
#include <peft/data/csv.hpp>
#include <peft/data/dataset.hpp>
#include <peft/data/read_choice.hpp>
#include <peft/data/read_glue.hpp>
#include <peft/data/row.hpp>
#include <peft/data/table.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace peft {

PEFT_INLINE Dataset read_choice(const std::filesystem::path& folder, std::string_view split, Labels labels,
                                const Dataset* train) {
  Dataset out;
  const auto file = find_split(folder, "", {cat(split, ".csv")}, cat("the ", split, " split"));
  out.source = file.string();
  out.pairs = true;
  Table<CsvReader> table{CsvReader(file)};
  const std::size_t context = table.column("context");
  std::vector<std::size_t> choices{table.column("choice0"), table.column("choice1")};
  while (const auto more = table.find(cat("choice", choices.size()))) choices.push_back(*more);
  out.together = static_cast<int>(choices.size());
  for (std::size_t k = choices.size(); k < choices.size() + 100; ++k)
    require(!table.find(cat("choice", k)), out.source, ", line 1: there is a column \"choice", k,
            "\", but none \"choice", choices.size(), "\"");
  for (std::size_t k = 0; k < choices.size(); ++k) out.label_names.push_back(cat("choice", k));
  const auto label = table.find("label");
  out.labelled = label.has_value();
  require(out.labelled || labels == Labels::Optional, out.source,
          ": there is no column \"label\"; predict with this file, but train and evaluate on others");
  if (train != nullptr)
    require(train->together == out.together, out.source, ": ", out.together, " choices, but ", train->together, " in ",
            train->source);
  while (table.next()) {
    table.require_whole();
    double target = 0;
    if (label) {
      const auto number = parse_number(table.field(*label));
      for (target = 0; number && target < out.together && target != *number;) ++target;
      if (!number || target == out.together)
        table.refuse(*label, "is not the number of a choice; 0 to ", out.together - 1, " were expected");
    }
    for (const std::size_t choice : choices) {
      if (table.field(choice).empty()) table.refuse(choice, "is no choice: there is no text");
      out.examples.push_back({std::string(table.field(context)), std::string(table.field(choice)), target});
    }
  }
  require(!out.examples.empty(), out.source, ": the file holds no examples");
  return out;
}

}  // namespace peft
