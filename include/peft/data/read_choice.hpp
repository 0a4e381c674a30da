// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <filesystem>
#include <peft/data/dataset.hpp>
#include <string_view>

namespace peft {

/// Reads a table (`Table::open`) of multiple-choice questions: the columns `context`, `choice0`, `choice1` and as many
/// more, and `label`, the number of the right one; `question`, `ending0`, `option0` and `answer` and the like will do
/// too. A question becomes as many pairs (context, choice) in a row. `train` must have as many choices. Throws Error
/// naming file, line and column for whatever is malformed.
Dataset read_choice_file(const std::filesystem::path& file, Labels labels = Labels::Required,
                         const Dataset* train = nullptr);

/// Reads a split from a folder: `train.csv` and so on, also .tsv and .jsonl, and valid, validation or devel for dev.
Dataset read_choice(const std::filesystem::path& folder, std::string_view split, Labels labels = Labels::Required,
                    const Dataset* train = nullptr);

}  // namespace peft

#ifndef PEFT_SEPARATE
#include <peft/data/read_choice.ipp>
#endif
