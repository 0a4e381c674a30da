// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <cstddef>
#include <filesystem>
#include <initializer_list>
#include <peft/core/error.hpp>
#include <peft/core/inline.hpp>
#include <peft/data/row.hpp>
#include <peft/data/split_files.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace peft {

namespace split_files {

struct Names {
  std::string_view split;
  std::vector<std::string_view> files;
};

/// A split of another name is a file of that name.
PEFT_INLINE std::vector<std::string_view> files_of(std::string_view split) {
  static const Names table[] = {{"train", {"train", "training"}},
                                {"dev", {"dev", "valid", "validation", "val", "devel", "eval"}},
                                {"test", {"test", "testing"}}};
  for (const Names& names : table)
    if (names.split == split) return names.files;
  return {split};
}

PEFT_INLINE std::string contents(const std::filesystem::path& folder) {
  constexpr std::size_t most = 1000;
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(folder))
    if (names.size() < most) names.push_back(entry.path().filename().string());
  std::sort(names.begin(), names.end());
  return names.empty() ? "nothing" : listed(names);
}

}  // namespace split_files

PEFT_INLINE std::filesystem::path find_split(const std::filesystem::path& folder, const std::string& below,
                                             const std::vector<std::string>& names, const std::string& what) {
  require(std::filesystem::is_directory(folder), folder.string(), ": there is no such folder; ", what,
          " was to be read from it");
  for (const auto& where : {folder, folder / below})
    for (const std::string& name : names)
      if (std::filesystem::exists(where / name)) return where / name;
  throw NoSuchSplit(cat(folder.string(), ": ", what, " was expected here", below.empty() ? "" : " or in " + below,
                        " as ", listed(names)));
}

PEFT_INLINE std::filesystem::path find_split_file(const std::filesystem::path& folder, std::string_view split,
                                                  std::initializer_list<std::string_view> endings,
                                                  std::vector<std::string>& notes,
                                                  const std::vector<std::string>& more) {
  using namespace split_files;
  require(std::filesystem::is_directory(folder), folder.string(), ": there is no such folder; the ", split,
          " split was to be read from it");
  std::vector<std::string> there;
  std::string looked_for;
  const auto look = [&](const std::string& name) {
    if (std::filesystem::is_regular_file(folder / name)) there.push_back(name);
  };
  for (const std::string_view file : files_of(split)) {
    looked_for += cat(looked_for.empty() ? "" : ", ", file);
    for (const std::string_view ending : endings) look(cat(file, ending));
  }
  looked_for += " with ";
  for (const std::string_view ending : endings) looked_for += cat(ending == *endings.begin() ? "" : ", ", ending);
  for (const std::string& name : more) {
    look(name);
    looked_for += cat(", or ", name);
  }
  if (there.empty())
    throw NoSuchSplit(cat(folder.string(), ": the ", split, " split was expected here, as a file ", looked_for,
                          "; the folder holds ", contents(folder)));
  const std::string taken = there.front();
  there.erase(there.begin());
  if (!there.empty())
    notes.push_back(cat("the ", split, " split is ", quoted(taken), "; not read: ", listed(there)));
  else if (taken.substr(0, taken.find('.')) != split && std::find(more.begin(), more.end(), taken) == more.end())
    notes.push_back(cat("the ", split, " split is ", quoted(taken)));
  return folder / taken;
}

PEFT_INLINE std::filesystem::path find_split_table(const std::filesystem::path& folder, std::string_view split,
                                                   std::vector<std::string>& notes) {
  return find_split_file(folder, split, {".csv", ".tsv", ".jsonl", ".json"}, notes);
}

}  // namespace peft
