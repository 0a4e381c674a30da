// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <filesystem>
#include <peft/data/dataset.hpp>
#include <peft/data/glue.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace peft {

/// Reads a split ("train", "dev", "test"; MNLI also "dev_mismatched", "test_mismatched") of a GLUE task from its
/// official TSV in `folder` or in the task's subfolder of it. Throws Error naming file, line and column for whatever is
/// malformed.
Dataset read_glue(const GlueTask& task, const std::filesystem::path& folder, std::string_view split,
                  Labels labels = Labels::Required);

/// Reads a file of the task's texts: an official one, or another table (`Table::open`) whose texts are called as there,
/// or as `find_texts` knows.
Dataset read_glue_file(const GlueTask& task, const std::filesystem::path& file, Labels labels = Labels::Required);

}  // namespace peft

#ifndef PEFT_SEPARATE
#include <peft/data/read_glue.ipp>
#endif
