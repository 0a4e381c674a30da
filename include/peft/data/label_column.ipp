// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <peft/core/error.hpp>
#include <peft/core/inline.hpp>
#include <peft/data/dataset.hpp>
#include <peft/data/label_column.hpp>
#include <peft/data/row.hpp>
#include <peft/data/table.hpp>
#include <peft/io/near_names.hpp>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace peft {

namespace label_column {

constexpr std::size_t most_classes = 10000;

/// What pandas reads as missing, and infinities.
constexpr std::string_view missing[] = {"",     "nan", "-nan", "none", "null", "na",       "n/a",       "#n/a",
                                        "<na>", "#na", "inf",  "+inf", "-inf", "infinity", "+infinity", "-infinity"};

PEFT_INLINE std::string place(const Dataset& data, const LabelColumn& labels, const LabelColumn::Value& value) {
  return cat(data.source, ", line ", value.line, ", column ", quoted(labels.name()), ": ", quoted(value.text));
}

/// The number's name as a class: 1 for "1", "+1", "01" and "1.0"; nothing for a fraction.
PEFT_INLINE std::optional<std::string> integer_name(std::string_view text) {
  constexpr double exact = 9007199254740992;  // 2^53
  const auto number = parse_number(text);
  if (!number || std::abs(*number) > exact || *number != std::floor(*number)) return std::nullopt;
  return std::to_string(static_cast<std::int64_t>(*number));
}

PEFT_INLINE bool is_number(LabelText kind) { return kind == LabelText::Integer || kind == LabelText::Decimal; }

/// Among numbers everything must be one, among names nothing; the error is about the first of the fewer.
PEFT_INLINE void refuse_mixture(const Dataset& data, const LabelColumn& labels, std::size_t numbers,
                                std::size_t names) {
  const std::size_t all = labels.examples().size();
  const bool numeric = names == 0 || 2 * numbers >= all;
  const auto& value = *std::find_if(labels.values().begin(), labels.values().end(),
                                    [&](const auto& one) { return is_number(one.kind) != numeric; });
  fail(place(data, labels, value), numeric ? " is not a number, and " : " is a number, and ",
       numeric ? numbers : all - numbers, numeric ? " labels are" : " labels are none",
       value.kind == LabelText::Missing ? "; fill it in, or leave the row out"
                                        : "; --labels classes takes every label for the name of a class");
}

PEFT_INLINE std::vector<std::string> class_names(const LabelColumn& labels) {
  std::set<std::string> names;
  std::set<std::int64_t> numbers;
  bool whole = true;
  for (const auto& value : labels.values()) {
    names.insert(value.text);
    const auto number = integer_name(value.text);
    if (number) numbers.insert(std::stoll(*number));
    whole = whole && number;
  }
  if (!whole) return {names.begin(), names.end()};
  std::vector<std::string> out;
  for (const std::int64_t number : numbers) out.push_back(std::to_string(number));
  return out;
}

PEFT_INLINE void tell(Dataset& data, const LabelColumn& labels) {
  const std::vector<std::string>& names = data.label_names;
  const bool numbers =
      std::all_of(names.begin(), names.end(), [](const auto& name) { return integer_name(name).has_value(); });
  if (numbers && (names.front() != "0" || names.back() != std::to_string(names.size() - 1)))
    data.notes.push_back(cat("the labels ", listed(names), " are classes 0 to ", names.size() - 1, " in this order"));
  std::map<std::string, std::string> seen;
  for (const std::string& name : names)
    if (const auto [other, fresh] = seen.emplace(lower_case(name), name); !fresh)
      data.notes.push_back(cat(quoted(other->second), " and ", quoted(name), " are two classes"));
  for (const auto& value : labels.values())
    if (value.kind == LabelText::Missing)
      data.notes.push_back(cat("line ", value.line, ": ", quoted(value.text), " is taken for the name of a class"));
}

}  // namespace label_column

PEFT_INLINE LabelText label_text(std::string_view text) {
  const std::string small = lower_case(text);
  if (std::find(std::begin(label_column::missing), std::end(label_column::missing), small) !=
      std::end(label_column::missing))
    return LabelText::Missing;
  std::string_view digits = text;
  if (digits.starts_with('-') || digits.starts_with('+')) digits.remove_prefix(1);
  if (!digits.empty() && digits.find_first_not_of("0123456789") == digits.npos) return LabelText::Integer;
  return parse_number(text) ? LabelText::Decimal : LabelText::Name;
}

PEFT_INLINE void LabelColumn::add(std::string_view text, std::size_t line) {
  text = stripped(text);
  auto found = known_.find(text);
  if (found == known_.end()) {
    found = known_.emplace(text, static_cast<std::uint32_t>(values_.size())).first;
    values_.push_back({std::string(text), label_text(text), line});
  }
  ++values_[found->second].count;
  of_.push_back(found->second);
}

PEFT_INLINE std::size_t LabelColumn::count(LabelText kind) const {
  std::size_t n = 0;
  for (const Value& value : values_) n += value.kind == kind ? value.count : 0;
  return n;
}

PEFT_INLINE void choose_labels(Dataset& data, const LabelColumn& labels, LabelKind kind) {
  using namespace label_column;
  const auto& values = labels.values();
  require(!values.empty(), data.source, ": there are no labels");
  for (const auto& value : values)
    if (value.text.empty()) fail(place(data, labels, value), " is not a label");
  const std::size_t decimals = labels.count(LabelText::Decimal), names = labels.count(LabelText::Name);
  const std::size_t numbers = labels.count(LabelText::Integer) + decimals;
  const bool mixed = numbers > 0 && numbers < labels.examples().size();
  if (mixed && (kind == LabelKind::Automatic || (kind == LabelKind::Classes && names == 0)))
    refuse_mixture(data, labels, numbers, names);
  data.regression = kind == LabelKind::Scores || (kind == LabelKind::Automatic && decimals > 0);
  if (data.regression) {
    const bool whole = std::all_of(values.begin(), values.end(),
                                   [](const auto& value) { return integer_name(value.text).has_value(); });
    if (whole && kind == LabelKind::Automatic)
      data.notes.push_back(
          "the labels have a decimal point and are taken for scores, although all are whole; "
          "--labels classes takes them for classes");
    return;
  }
  data.label_names = class_names(labels);
  require(data.label_names.size() > 1, data.source, ": all labels are ", quoted(data.label_names.front()),
          "; at least two classes were expected");
  require(data.label_names.size() <= most_classes, data.source, ": there are ", data.label_names.size(),
          " different labels in the column ", quoted(labels.name()), ", at most ", most_classes,
          " classes were expected; --labels scores takes numbers for scores");
  tell(data, labels);
}

PEFT_INLINE void set_targets(Dataset& data, const LabelColumn& labels, const Dataset* train) {
  using namespace label_column;
  std::map<std::string, double, std::less<>> classes;
  for (const std::string& name : data.label_names) classes.emplace(name, static_cast<double>(classes.size()));
  const std::string whose = train != nullptr ? train->source : "";
  std::vector<double> targets;
  for (const auto& value : labels.values()) {
    if (data.regression) {
      const auto score = parse_number(value.text);
      if (!score)
        fail(place(data, labels, value), " is not a number; a score was expected", train != nullptr ? ", as in " : "",
             whose);
      targets.push_back(*score);
      continue;
    }
    auto known = classes.find(value.text);
    if (known == classes.end())
      if (const auto number = integer_name(value.text)) known = classes.find(*number);
    if (known == classes.end())
      fail(place(data, labels, value), " is not one of the labels", train != nullptr ? " of " : "", whose, ": ",
           listed(data.label_names), near_names(value.text, data.label_names));
    targets.push_back(known->second);
  }
  for (std::size_t i = 0; i < data.examples.size(); ++i) data.examples[i].target = targets[labels.examples()[i]];
}

PEFT_INLINE bool unlabelled(const LabelColumn& labels, const Dataset* train) {
  if (labels.values().size() != 1) return labels.values().empty();
  const std::string& only = labels.values().front().text;
  const bool known =
      train != nullptr && (train->regression || std::find(train->label_names.begin(), train->label_names.end(), "-1") !=
                                                    train->label_names.end());
  return only.empty() || (only == "-1" && !known);
}

}  // namespace peft
