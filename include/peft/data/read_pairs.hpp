// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <filesystem>
#include <peft/data/dataset.hpp>
#include <peft/data/pair_dataset.hpp>
#include <string>
#include <string_view>

namespace peft {

/// The columns of a table of text pairs. As they stand here, others of known names (`find_pair`) will do too.
struct PairColumns {
  std::string source = "source", target = "target";
  friend bool operator==(const PairColumns&, const PairColumns&) = default;
};

/// Reads the text pairs of a table (`Table::open`), one per row. Throws Error naming file, line and column for a column
/// that is missing, a row of another width, and an empty text; without the column of targets only where `labels` are
/// required.
PairDataset read_pairs_file(const std::filesystem::path& file, std::string_view split, const PairColumns& columns = {},
                            Labels labels = Labels::Required);

/// Reads a split from a folder: `train.csv` and so on, also .tsv and .jsonl, and valid, validation or devel for dev.
PairDataset read_pairs(const std::filesystem::path& folder, std::string_view split, const PairColumns& columns = {},
                       Labels labels = Labels::Required);

}  // namespace peft

#ifndef PEFT_SEPARATE
#include <peft/data/read_pairs.ipp>
#endif
