// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <filesystem>
#include <peft/data/dataset.hpp>
#include <peft/data/glue.hpp>
#include <peft/data/read_csv.hpp>
#include <peft/data/read_glue.hpp>
#include <string_view>

namespace peft {

/// Reads a split of a task by name: one of GLUE's (see `glue_task`) or "csv". `train` is the training split, which says
/// what the labels of another split of "csv" mean.
inline Dataset read_task(std::string_view task, const std::filesystem::path& folder, std::string_view split,
                         Labels labels = Labels::Required, const Dataset* train = nullptr) {
  return task == "csv" ? read_csv(folder, split, labels, train) : read_glue(glue_task(task), folder, split, labels);
}

}  // namespace peft
