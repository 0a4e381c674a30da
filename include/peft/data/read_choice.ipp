// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstddef>
#include <filesystem>
#include <optional>
#include <peft/core/error.hpp>
#include <peft/core/inline.hpp>
#include <peft/data/column_names.hpp>
#include <peft/data/dataset.hpp>
#include <peft/data/read_choice.hpp>
#include <peft/data/row.hpp>
#include <peft/data/split_files.hpp>
#include <peft/data/table.hpp>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace peft {

namespace choice_reader {

// This library's own names first.
constexpr ColumnNames contexts[] = {{"context"}, {"question"}, {"premise"}, {"ctx"}, {"prompt"}, {"query"}};
constexpr ColumnNames first_choices[] = {{"choice0", "choice1"},  {"ending0", "ending1"},   {"option0", "option1"},
                                         {"answer0", "answer1"},  {"choice_0", "choice_1"}, {"ending_0", "ending_1"},
                                         {"option_0", "option_1"}};
constexpr ColumnNames labels[] = {{"label"}, {"labels"}, {"answer"}, {"target"}, {"gold_label"}};

/// The columns of the choices, which are numbered without a gap.
struct Choices {
  std::string name;  // without its number
  std::vector<std::size_t> columns;
};

PEFT_INLINE Choices choices_of(const Table& table, std::vector<std::string>& notes) {
  const auto found = find_columns(table, first_choices, notes);
  if (!found) table.lacks(table.find("choice0") ? "choice1" : "choice0", "; ending0, option0 and the like will do too");
  std::vector<std::size_t> choices{found->a, *found->b};
  std::string name = table.columns()[found->a];
  name.pop_back();
  while (const auto more = table.find(cat(name, choices.size()))) choices.push_back(*more);
  for (std::size_t k = choices.size(); k < choices.size() + 100; ++k)
    require(!table.find(cat(name, k)), table.name(), ", line 1: there is a column ", quoted(cat(name, k)),
            ", but none ", quoted(cat(name, choices.size())));
  return {std::move(name), std::move(choices)};
}

}  // namespace choice_reader

PEFT_INLINE Dataset read_choice_file(const std::filesystem::path& file, Labels labels, const Dataset* train) {
  Dataset out;
  out.source = file.string();
  out.pairs = true;
  Table table = Table::open(file, out.notes);
  const auto context = find_columns(table, choice_reader::contexts, out.notes);
  if (!context) table.lacks("context", "; question, premise and ctx may be so called too");
  const auto [name, choices] = choice_reader::choices_of(table, out.notes);
  out.together = static_cast<int>(choices.size());
  for (std::size_t k = 0; k < choices.size(); ++k) out.label_names.push_back(cat("choice", k));
  const auto label = labels == Labels::Ignored ? std::nullopt : find_columns(table, choice_reader::labels, out.notes);
  out.labelled = label.has_value();
  require(out.labelled || labels != Labels::Required, out.source,
          ": there is no column \"label\"; predict with this file, but train and evaluate on others");
  if (train != nullptr)
    require(train->together == out.together, out.source, ": ", out.together, " choices, but ", train->together, " in ",
            train->source);
  while (table.next()) {
    table.require_whole();
    double target = 0;
    if (label) {
      const auto number = parse_number(stripped(table.field(label->a)));
      for (target = 0; number && target < out.together && target != *number;) ++target;
      if (!number || target == out.together)
        table.refuse(label->a, "is not the number of a choice; 0 to ", out.together - 1, " were expected");
    }
    for (const std::size_t choice : choices) {
      if (table.field(choice).empty()) table.refuse(choice, "is no choice: there is no text");
      out.examples.push_back({std::string(table.field(context->a)), std::string(table.field(choice)), target});
    }
  }
  require(!out.examples.empty(), out.source, ": the file holds no examples");
  for (const std::string& late : table.late_columns())
    require(!lower_case(late).starts_with(lower_case(name)), out.source, ": the key ", quoted(late),
            " is in some objects and not in the first; every line must have it");
  require_no_late(table);
  return out;
}

PEFT_INLINE Dataset read_choice(const std::filesystem::path& folder, std::string_view split, Labels labels,
                                const Dataset* train) {
  std::vector<std::string> notes;
  Dataset out = read_choice_file(find_split_table(folder, split, notes), labels, train);
  out.notes.insert(out.notes.begin(), notes.begin(), notes.end());
  return out;
}

}  // namespace peft
