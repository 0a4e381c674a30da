// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <filesystem>
#include <peft/core/inline.hpp>
#include <peft/data/dataset.hpp>
#include <peft/data/glue.hpp>
#include <peft/data/read_choice.hpp>
#include <peft/data/read_conll.hpp>
#include <peft/data/read_csv.hpp>
#include <peft/data/read_glue.hpp>
#include <peft/data/read_task.hpp>
#include <string_view>

namespace peft {

PEFT_INLINE Dataset read_task(std::string_view task, const std::filesystem::path& folder, std::string_view split,
                              Labels labels, const Dataset* train, LabelKind kind) {
  if (task == "conll") return read_conll(folder, split, labels, train);
  if (task == "choice") return read_choice(folder, split, labels, train);
  return task == "csv" ? read_csv(folder, split, labels, train, kind)
                       : read_glue(glue_task(task), folder, split, labels);
}

PEFT_INLINE Dataset read_task_file(std::string_view task, const std::filesystem::path& file, Labels labels,
                                   const Dataset* train, LabelKind kind) {
  if (task == "conll") return read_conll_file(file, labels, train);
  if (task == "choice") return read_choice_file(file, labels, train);
  return task == "csv" ? read_csv_file(file, labels, train, kind) : read_glue_file(glue_task(task), file, labels);
}

}  // namespace peft
