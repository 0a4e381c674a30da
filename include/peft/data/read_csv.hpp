// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <filesystem>
#include <peft/data/dataset.hpp>
#include <string_view>

namespace peft {

/// Reads a table of texts and labels: fields between commas, semicolons or tabs, or JSON lines (`Table::open`), with
/// the columns `text`, perhaps `text2`, and `label`, or others of known names (`find_texts`). Spaces around a label do
/// not count; its case does.
///
/// The training file decides what labels mean, so give it as `train` when reading another: the whole numbers 0 to n - 1
/// are the indices of n classes, and of other whole numbers every value is a class, in their order; numbers, some with
/// a decimal point, are scores; all else are names of classes, in sorted order. `kind` decides otherwise: classes by
/// value (0.0 and 1.0 are classes 0 and 1), or scores. Numbers beside texts, or beside nan, are an error.
/// `Dataset::notes` tells what was decided. Throws Error naming file, line and column for whatever is malformed.
Dataset read_csv_file(const std::filesystem::path& file, Labels labels = Labels::Required,
                      const Dataset* train = nullptr, LabelKind kind = LabelKind::Automatic);

/// Reads a split from a folder: `train.csv` and so on, also .tsv and .jsonl, and valid, validation or devel for dev.
Dataset read_csv(const std::filesystem::path& folder, std::string_view split, Labels labels = Labels::Required,
                 const Dataset* train = nullptr, LabelKind kind = LabelKind::Automatic);

}  // namespace peft

#ifndef PEFT_SEPARATE
#include <peft/data/read_csv.ipp>
#endif
