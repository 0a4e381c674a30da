// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <filesystem>
#include <peft/data/dataset.hpp>
#include <peft/data/glue.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace peft {

/// The first of `names` that exists in `folder`, or in its subfolder `below`. Throws Error saying what was looked for.
std::filesystem::path find_split(const std::filesystem::path& folder, const std::string& below,
                                 const std::vector<std::string>& names, const std::string& what);

/// Reads a split ("train", "dev", "test"; MNLI also "dev_mismatched", "test_mismatched") of a GLUE task from its
/// official TSV in `folder` or in the task's subfolder of it. Throws Error naming file, line and column for whatever is
/// malformed.
Dataset read_glue(const GlueTask& task, const std::filesystem::path& folder, std::string_view split,
                  Labels labels = Labels::Required);

}  // namespace peft

#ifndef PEFT_SEPARATE
#include <peft/data/read_glue.ipp>
#endif
