// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <filesystem>
#include <peft/data/dataset.hpp>
#include <string_view>

namespace peft {

/// Reads a split (`train.csv` and so on) of a data set of one's own: the columns `text`, perhaps `text2`, and `label`.
/// The training file decides what labels mean, so give it as `train` when reading another: whole numbers from 0 are
/// class indices; numbers, some with a decimal point, are scores; all else are names of classes, numbered in sorted
/// order. Throws Error naming file, line and column for whatever is malformed.
Dataset read_csv(const std::filesystem::path& folder, std::string_view split, Labels labels = Labels::Required,
                 const Dataset* train = nullptr);

}  // namespace peft

#ifndef PEFT_SEPARATE
#include <peft/data/read_csv.ipp>
#endif
