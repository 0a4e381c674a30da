// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <filesystem>
#include <peft/data/dataset.hpp>
#include <peft/data/glue_text.hpp>
#include <peft/data/pair_dataset.hpp>
#include <string_view>

namespace peft {

/// Reads a split of a GLUE task as text pairs in the words of `text`; see `read_glue`. `labels` keeps the classes and
/// the scores as the file has them.
PairDataset read_glue_pairs(const GlueText& text, const std::filesystem::path& folder, std::string_view split,
                            Labels labels = Labels::Required);

/// Reads one file of the task's texts, labels or not; see `read_glue_file`. Their targets are empty.
PairDataset read_glue_prompts(const GlueText& text, const std::filesystem::path& file);

}  // namespace peft

#ifndef PEFT_SEPARATE
#include <peft/data/read_glue_pairs.ipp>
#endif
