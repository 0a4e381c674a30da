// SPDX-License-Identifier: Apache-2.0
// Files of examples. Whatever they hold, a target is a class that has a name, and reading again by what was decided is
// the same.
#include <peft/data/read_choice.hpp>
#include <peft/data/read_conll.hpp>
#include <peft/data/read_csv.hpp>
#include <peft/data/read_e2e.hpp>
#include <peft/data/read_pairs.hpp>
#include <peft/data/read_task.hpp>

#include <string>

#include "targets.hpp"

namespace fuzz {

namespace {

using namespace peft;

void sound(const Dataset& data) {
  for (const Example& example : data.examples)
    expect(!data.labelled || data.regression ||
           (example.target >= 0 && example.target < static_cast<double>(data.label_names.size())));
  for (const auto& sentence : data.tags)
    for (const std::int32_t tag : sentence) expect(tag < static_cast<std::int32_t>(data.label_names.size()));
}

/// A table, read as each task reads it.
void table(std::string_view name, std::string_view bytes) {
  const Folder folder;
  const auto file = folder.put(name, bytes);
  attempt([&] { read_pairs_file(file, "train", {}, Labels::Optional); });
  attempt([&] { sound(read_choice_file(file, Labels::Optional)); });
  attempt([&] { sound(read_csv_file(file, Labels::Required, nullptr, LabelKind::Classes)); });
  const Dataset train = read_csv_file(file, Labels::Optional);
  sound(train);
  const Dataset again = read_csv_file(file, Labels::Optional, &train);
  expect(again.examples.size() == train.examples.size());
  for (std::size_t i = 0; i < train.examples.size(); ++i) expect(again.examples[i].target == train.examples[i].target);
}

/// Training data and, behind a zero byte, other data of the same task.
void two_splits(std::string_view task, std::string_view end, std::string_view bytes) {
  const auto given = parts(bytes, 2);
  const Folder folder;
  folder.put("train" + std::string(end), given[0]);
  folder.put("dev" + std::string(end), given[1]);
  const Dataset train = read_task(task, folder.path(), "train", Labels::Optional);
  sound(train);
  sound(read_task(task, folder.path(), "dev", Labels::Optional, &train));
}

void conll(std::string_view bytes) {
  const Folder folder;
  const auto file = folder.put("train.conll", bytes);
  const Dataset train = read_conll_file(file, Labels::Optional);
  sound(train);
  expect(read_conll_file(file, Labels::Optional, &train).tags == train.tags);
}

void e2e(std::string_view bytes) {
  const Folder folder;
  folder.put("trainset.csv", bytes);
  read_e2e(folder.path(), "train");
}

void glue(std::string_view bytes) {
  const Folder folder;
  for (const char* name : {"train.tsv", "dev.tsv", "dev_matched.tsv"}) folder.put(name, bytes);
  for (const char* task : {"sst2", "cola", "mrpc", "rte", "stsb", "qnli", "mnli", "qqp", "wnli"})
    for (const char* split : {"train", "dev"}) attempt([&] { sound(read_task(task, folder.path(), split)); });
}

}  // namespace

const std::vector<Target> data_targets = {
    {"csv", [](std::string_view bytes) { table("train.csv", bytes); }},
    {"tsv", [](std::string_view bytes) { table("train.tsv", bytes); }},
    {"jsonl", [](std::string_view bytes) { table("train.jsonl", bytes); }},
    {"csv_splits", [](std::string_view bytes) { two_splits("csv", ".csv", bytes); }},
    {"conll", conll},
    {"conll_splits", [](std::string_view bytes) { two_splits("conll", ".txt", bytes); }},
    {"e2e", e2e},
    {"glue", glue},
};

}  // namespace fuzz
