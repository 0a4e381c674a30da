// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <filesystem>
#include <peft/data/dataset.hpp>
#include <peft/data/glue.hpp>
#include <peft/data/read_choice.hpp>
#include <peft/data/read_conll.hpp>
#include <peft/data/read_csv.hpp>
#include <peft/data/read_glue.hpp>
#include <string_view>

namespace peft {

/// Reads a split of a task by name: one of GLUE's (see `glue_task`), "csv", "conll" or "choice". `train` is the training
/// split, which says what the labels of another split mean where the task does not.
inline Dataset read_task(std::string_view task, const std::filesystem::path& folder, std::string_view split,
                         Labels labels = Labels::Required, const Dataset* train = nullptr) {
  if (task == "conll") return read_conll(folder, split, labels, train);
  if (task == "choice") return read_choice(folder, split, labels, train);
  return task == "csv" ? read_csv(folder, split, labels, train) : read_glue(glue_task(task), folder, split, labels);
}

}  // namespace peft
