// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <filesystem>
#include <peft/data/dataset.hpp>
#include <string_view>

namespace peft {

/// Reads a split (`train.csv` and so on) of multiple-choice questions: the columns `context`, `choice0`, `choice1` and
/// as many more, and `label`, the number of the right one. A question becomes as many pairs (context, choice) in a row.
/// `train` must have as many choices. Throws Error naming file, line and column for whatever is malformed.
Dataset read_choice(const std::filesystem::path& folder, std::string_view split, Labels labels = Labels::Required,
                    const Dataset* train = nullptr);

}  // namespace peft

#ifndef PEFT_SEPARATE
#include <peft/data/read_choice.ipp>
#endif
