// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <cstddef>
#include <filesystem>
#include <map>
#include <optional>
#include <peft/core/error.hpp>
#include <peft/core/inline.hpp>
#include <peft/data/csv.hpp>
#include <peft/data/dataset.hpp>
#include <peft/data/read_csv.hpp>
#include <peft/data/read_glue.hpp>
#include <peft/data/row.hpp>
#include <peft/data/table.hpp>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace peft {

namespace csv_reader {

constexpr std::size_t most_classes = 10000;

struct Label {
  std::string text;
  std::size_t line;
};

PEFT_INLINE bool is_index(std::string_view text) {  // a whole number without sign or leading zero
  const bool digits = !text.empty() && text.find_first_not_of("0123456789") == text.npos;
  return digits && text.size() < 10 && (text.size() == 1 || text.front() != '0');
}

// What the labels of a training file mean: indices of classes, scores, or names of classes.
PEFT_INLINE void choose_labels(Dataset& out, const std::vector<Label>& labels) {
  const auto all = [&](auto&& is) {
    return std::all_of(labels.begin(), labels.end(), [&](const Label& label) { return is(label.text); });
  };
  const bool numbers = all([](const std::string& text) { return parse_number(text).has_value(); });
  const bool fractions = !all([](const std::string& text) { return text.find_first_of(".eE") == text.npos; });
  std::set<std::string> names;
  for (const Label& label : labels) names.insert(label.text);
  if (all(is_index)) {
    std::size_t classes = 0;
    for (const std::string& name : names) classes = std::max(classes, std::stoul(name) + 1);
    require(classes <= most_classes, out.source, ": the largest label is ", classes - 1,
            ", but classes are counted from 0 to ", most_classes - 1, " at most; write scores with a decimal point");
    for (std::size_t i = 0; i < classes; ++i) out.label_names.push_back(std::to_string(i));
  } else if (numbers && fractions) {
    out.regression = true;
  } else {
    out.label_names.assign(names.begin(), names.end());
  }
  require(out.regression || out.label_names.size() > 1, out.source, ": all labels are ", quoted(*names.begin()),
          "; at least two classes were expected");
}

PEFT_INLINE void set_targets(Dataset& out, const std::vector<Label>& labels) {
  std::map<std::string, double> classes;
  for (const std::string& name : out.label_names) classes.emplace(name, static_cast<double>(classes.size()));
  for (std::size_t i = 0; i < labels.size(); ++i) {
    const auto& [text, line] = labels[i];
    double& target = out.examples[i].target;
    if (const auto score = parse_number(text); out.regression && score)
      target = *score;
    else if (const auto known = classes.find(text); known != classes.end())
      target = known->second;
    else
      fail(out.source, ", line ", line, ", column \"label\": ", quoted(text), " is not ",
           out.regression ? "a number; a score was expected" : cat("one of the labels ", listed(out.label_names)));
  }
}

}  // namespace csv_reader

PEFT_INLINE Dataset read_csv(const std::filesystem::path& folder, std::string_view split, Labels labels,
                             const Dataset* train) {
  Dataset out;
  const auto file = find_split(folder, "", {cat(split, ".csv")}, cat("the ", split, " split"));
  out.source = file.string();
  Table<CsvReader> table{CsvReader(file)};
  const std::size_t a = table.column("text");
  const auto b = table.find("text2"), label = table.find("label");
  out.pairs = b.has_value();
  out.labelled = label.has_value();
  require(out.labelled || labels == Labels::Optional, out.source,
          ": there is no column \"label\"; predict with this file, but train and evaluate on others");
  if (train != nullptr)
    require(train->pairs == out.pairs, out.source, ": the column \"text2\" is ", out.pairs ? "" : "not ",
            "here, unlike in ", train->source);
  std::vector<csv_reader::Label> found;
  while (table.next()) {
    table.require_whole();
    out.examples.push_back({std::string(table.field(a)), b ? std::string(table.field(*b)) : std::string(), 0});
    if (!label) continue;
    if (table.field(*label).empty()) table.refuse(*label, "is not a label");
    found.push_back({std::string(table.field(*label)), table.line()});
  }
  require(!out.examples.empty(), out.source, ": the file holds no examples");
  if (train != nullptr) {
    out.label_names = train->label_names;
    out.regression = train->regression;
  } else if (label) {
    csv_reader::choose_labels(out, found);
  }
  csv_reader::set_targets(out, found);
  return out;
}

}  // namespace peft
