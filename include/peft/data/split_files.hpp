// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <filesystem>
#include <initializer_list>
#include <peft/core/error.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace peft {

/// The folder has no file of a split.
struct NoSuchSplit : Error {
  using Error::Error;
};

/// The first of `names` that exists in `folder`, or in its subfolder `below`. Throws NoSuchSplit saying what was looked
/// for.
std::filesystem::path find_split(const std::filesystem::path& folder, const std::string& below,
                                 const std::vector<std::string>& names, const std::string& what);

/// The file of a split: its name, or another that means the same (dev: valid, validation, devel, eval), with one of the
/// endings (".csv"), the first that exists counting. `more` are file names to be looked for after these. `notes` is
/// told a file of another name than the split's, and others that would do too.
std::filesystem::path find_split_file(const std::filesystem::path& folder, std::string_view split,
                                      std::initializer_list<std::string_view> endings, std::vector<std::string>& notes,
                                      const std::vector<std::string>& more = {});

/// `find_split_file` for tables: .csv, .tsv, .jsonl, .json.
std::filesystem::path find_split_table(const std::filesystem::path& folder, std::string_view split,
                                       std::vector<std::string>& notes);

}  // namespace peft

#ifndef PEFT_SEPARATE
#include <peft/data/split_files.ipp>
#endif
