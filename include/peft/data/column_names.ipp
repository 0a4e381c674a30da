// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <cstddef>
#include <optional>
#include <peft/core/error.hpp>
#include <peft/core/inline.hpp>
#include <peft/data/column_names.hpp>
#include <peft/data/row.hpp>
#include <peft/data/table.hpp>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace peft {

namespace column_names {

// This library's own names first; the others as data sets have them that people publish.
constexpr ColumnNames texts[] = {
    {"text"},
    {"text", "text2"},
    {"text", "text_pair"},
    {"text_a", "text_b"},
    {"text1", "text2"},
    {"sentence"},
    {"sentence1", "sentence2"},
    {"sentence_a", "sentence_b"},
    {"premise", "hypothesis"},
    {"question", "sentence"},
    {"question", "passage"},
    {"question", "context"},
    {"question", "answer"},
    {"question"},
    {"question1", "question2"},
    {"query", "passage"},
    {"query", "document"},
    {"claim", "evidence"},
    {"content"},
    {"review"},
    {"review_body"},
    {"review_text"},
    {"comment"},
    {"comment_text"},
    {"tweet"},
    {"message"},
    {"utterance"},
    {"document"},
    {"body"},
};
constexpr ColumnNames labels[] = {
    {"label"},      {"labels"},   {"target"},           {"class"},
    {"score"},      {"category"}, {"sentiment"},        {"intent"},
    {"gold_label"}, {"rating"},   {"similarity_score"}, {"is_duplicate"},
};
constexpr ColumnNames pairs[] = {
    {"source", "target"},
    {"input", "output"},
    {"prompt", "completion"},
    {"prompt", "response"},
    {"instruction", "output"},
    {"instruction", "response"},
    {"question", "answer"},
    {"text", "summary"},
    {"document", "summary"},
    {"dialogue", "summary"},
    {"article", "highlights"},
    {"article", "summary"},
    {"input", "target"},
    {"text", "target"},
    {"src", "tgt"},
    {"mr", "ref"},
    {"meaning_representation", "human_reference"},
    {"meaning_representation", "target"},
};

PEFT_INLINE std::string spelled(const ColumnNames& names) {
  return names.b.empty() ? quoted(names.a) : cat(quoted(names.a), " and ", quoted(names.b));
}

PEFT_INLINE std::string advice(std::span<const ColumnNames> known) {
  std::string text = "; it may also be called ";
  std::vector<std::string> seen{std::string(known.front().a)};
  for (const ColumnNames& names : known) {
    if (std::find(seen.begin(), seen.end(), names.a) != seen.end()) continue;
    text += cat(seen.size() == 1 ? "" : ", ", names.a);
    seen.emplace_back(names.a);
  }
  return text + " (the first line must have the names)";
}

/// Whether one layout has all columns of the other and more.
PEFT_INLINE bool within(const FoundColumns& small, const FoundColumns& large) {
  const auto has = [&](std::size_t column) { return column == large.a || large.b == column; };
  return large.b && !small.b && has(small.a);
}

}  // namespace column_names

PEFT_INLINE std::optional<FoundColumns> find_columns(const Table& table, std::span<const ColumnNames> known,
                                                     std::vector<std::string>& notes) {
  using namespace column_names;
  struct Candidate {
    ColumnNames names;
    FoundColumns columns;
  };
  std::vector<Candidate> there;
  for (const ColumnNames& names : known) {
    const auto a = table.find(names.a), b = names.b.empty() ? a : table.find(names.b);
    if (a && b) there.push_back({names, {*a, names.b.empty() ? std::nullopt : b}});
  }
  const auto lesser = [&](const Candidate& small) {
    return std::any_of(there.begin(), there.end(),
                       [&](const Candidate& c) { return within(small.columns, c.columns); });
  };
  std::vector<Candidate> left;
  std::copy_if(there.begin(), there.end(), std::back_inserter(left), [&](const Candidate& c) { return !lesser(c); });
  if (left.empty()) return std::nullopt;
  const Candidate& taken = left.front();
  if (taken.names.a == known.front().a) return taken.columns;
  require(left.size() == 1, table.name(), ", line 1: either ", spelled(taken.names), " or ", spelled(left.back().names),
          " could be meant; call what is meant ", spelled(known.front()));
  notes.push_back(cat("there is no column ", quoted(known.front().a), ": ", spelled(taken.names),
                      taken.names.b.empty() ? " is" : " are", " taken"));
  return taken.columns;
}

PEFT_INLINE FoundColumns find_texts(const Table& table, std::vector<std::string>& notes) {
  if (const auto found = find_columns(table, column_names::texts, notes)) return *found;
  table.lacks("text", column_names::advice(column_names::texts));
}

PEFT_INLINE std::optional<std::size_t> find_label(const Table& table, std::vector<std::string>& notes) {
  const auto found = find_columns(table, column_names::labels, notes);
  return found ? std::optional(found->a) : std::nullopt;
}

PEFT_INLINE FoundColumns find_pair(const Table& table, bool targets, std::vector<std::string>& notes) {
  using column_names::pairs;
  if (const auto both = find_columns(table, pairs, notes)) return *both;
  if (!targets) {
    std::vector<ColumnNames> sources;
    for (const ColumnNames& names : pairs)
      if (std::none_of(sources.begin(), sources.end(), [&](const ColumnNames& s) { return s.a == names.a; }))
        sources.push_back({names.a});
    if (const auto source = find_columns(table, sources, notes)) return *source;
  }
  const bool source = table.find(pairs[0].a).has_value();
  table.lacks(source ? pairs[0].b : pairs[0].a,
              "; prompt and completion, input and output, document and summary and the like may be so called too");
}

PEFT_INLINE void require_no_late(const Table& table) {
  using namespace column_names;
  for (const std::string& late : table.late_columns())
    for (const auto& known : {std::span<const ColumnNames>(texts), std::span<const ColumnNames>(labels),
                              std::span<const ColumnNames>(pairs)})
      for (const ColumnNames& names : known)
        require(lower_case(late) != names.a && lower_case(late) != names.b, table.name(), ": the key ", quoted(late),
                " is in some objects and not in the first; every line must have it");
}

}  // namespace peft
