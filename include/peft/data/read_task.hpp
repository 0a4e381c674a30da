// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <filesystem>
#include <peft/data/dataset.hpp>
#include <string_view>

namespace peft {

/// Reads a split of a task by name: one of GLUE's (see `glue_task`), "csv", "conll" or "choice". `train` is the
/// training split, which says what the labels of another split mean where the task does not; `kind` is for "csv".
Dataset read_task(std::string_view task, const std::filesystem::path& folder, std::string_view split,
                  Labels labels = Labels::Required, const Dataset* train = nullptr,
                  LabelKind kind = LabelKind::Automatic);

/// Reads one file of a task's data, perhaps of texts alone, in any of the forms that its splits may have.
Dataset read_task_file(std::string_view task, const std::filesystem::path& file, Labels labels = Labels::Required,
                       const Dataset* train = nullptr, LabelKind kind = LabelKind::Automatic);

}  // namespace peft

#ifndef PEFT_SEPARATE
#include <peft/data/read_task.ipp>
#endif
