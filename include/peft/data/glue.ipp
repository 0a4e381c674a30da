// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <cctype>
#include <peft/core/error.hpp>
#include <peft/core/inline.hpp>
#include <peft/data/glue.hpp>
#include <peft/data/row.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace peft {

namespace glue_table {

/// A task as constants; lists are separated by spaces.
struct Row {
  const char *name, *folder, *labels, *metrics, *a, *b, *label, *headerless = "";
  bool drops_short_rows = false;
  double low = 0, high = 0;
  bool spelled = false;
};

template <class... Names>
std::vector<std::string> names(Names&&... all) {
  return {std::string(all)...};
}

PEFT_INLINE std::vector<std::string> words(std::string_view list) {
  std::vector<std::string> out;
  while (!list.empty()) {
    const auto end = std::min(list.find(' '), list.size());
    out.emplace_back(list.substr(0, end));
    list.remove_prefix(std::min(end + 1, list.size()));
  }
  return out;
}

PEFT_INLINE GlueTask task_of(const Row& row) {
  return {row.name, row.folder, words(row.labels),     words(row.metrics),   row.a,
          row.b,    row.label,  words(row.headerless), row.drops_short_rows, row.low,
          row.high, row.spelled};
}

}  // namespace glue_table

PEFT_INLINE std::vector<std::string> GlueTask::files(std::string_view split) const {
  const bool mnli = name == "mnli", mrpc = name == "mrpc";
  if (split == "train")
    return mrpc ? glue_table::names("train.tsv", "msr_paraphrase_train.txt") : glue_table::names("train.tsv");
  if (mnli && (split == "dev_mismatched" || split == "test_mismatched")) return glue_table::names(cat(split, ".tsv"));
  if (mnli && (split == "dev" || split == "dev_matched")) return glue_table::names("dev_matched.tsv");
  if (mnli && (split == "test" || split == "test_matched")) return glue_table::names("test_matched.tsv");
  if (split == "dev" || split == "test")
    return mrpc ? glue_table::names(cat(split, ".tsv"), "msr_paraphrase_test.txt")
                : glue_table::names(cat(split, ".tsv"));
  fail(name, " has no split ", quoted(split), "; it has \"train\", \"dev\", \"test\"",
       mnli ? ", \"dev_mismatched\", \"test_mismatched\"" : "");
}

PEFT_INLINE std::string GlueTask::answer(std::string_view label) const {
  const auto found = std::find(labels.begin(), labels.end(), label);
  require(found != labels.end(), name, " has no class ", quoted(label));
  return spelled ? *found : std::to_string(found - labels.begin());
}

PEFT_INLINE std::string GlueTask::submission(std::string_view split) const {
  return cat(folder, name != "mnli" ? "" : split.ends_with("_mismatched") ? "-mm" : "-m", ".tsv");
}

PEFT_INLINE const std::vector<GlueTask>& glue_tasks() {
  static constexpr glue_table::Row rows[] = {
      {"sst2", "SST-2", "negative positive", "accuracy", "sentence", "", "label"},
      {"cola", "CoLA", "unacceptable acceptable", "matthews", "sentence", "", "label", "source label star sentence"},
      {"mrpc", "MRPC", "not_equivalent equivalent", "f1 accuracy", "#1 String", "#2 String", "Quality"},
      {"rte", "RTE", "entailment not_entailment", "accuracy", "sentence1", "sentence2", "label", "", false, 0, 0, true},
      {"stsb", "STS-B", "", "pearson spearman", "sentence1", "sentence2", "score", "", false, 0, 5},
      {"qnli", "QNLI", "entailment not_entailment", "accuracy", "question", "sentence", "label", "", false, 0, 0, true},
      {"mnli", "MNLI", "entailment neutral contradiction", "accuracy", "sentence1", "sentence2", "gold_label", "",
       false, 0, 0, true},
      {"qqp", "QQP", "not_duplicate duplicate", "f1 accuracy", "question1", "question2", "is_duplicate", "", true},
      {"wnli", "WNLI", "not_entailment entailment", "accuracy", "sentence1", "sentence2", "label"}};
  static const std::vector<GlueTask> tasks = [] {
    std::vector<GlueTask> all;
    for (const auto& row : rows) all.push_back(glue_table::task_of(row));
    return all;
  }();
  return tasks;
}

PEFT_INLINE bool is_glue_task(std::string_view name) {
  return std::any_of(glue_tasks().begin(), glue_tasks().end(), [&](const GlueTask& task) { return task.name == name; });
}

PEFT_INLINE const GlueTask& glue_task(std::string_view name) {
  std::string plain;
  for (const char c : name)
    if (c != '-' && c != '_') plain += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  std::string known;
  for (const GlueTask& task : glue_tasks()) {
    if (task.name == plain) return task;
    known += cat(known.empty() ? "" : ", ", task.name);
  }
  fail(quoted(name), " is not a task; the tasks are ", known, ", csv, conll and choice");
}

}  // namespace peft
