// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <filesystem>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

#include <peft/core/inline.hpp>

namespace peft {

/// A look at a folder, or at one file as if it were alone in its folder, that never throws: what cannot be read is as
/// if it were not there.
class FolderView {
 public:
  explicit FolderView(std::filesystem::path path);

  const std::filesystem::path& path() const { return path_; }
  bool exists() const;
  bool is_file() const;
  bool is_folder() const;
  /// Of everything in it, hidden files aside, sorted.
  const std::vector<std::string>& names() const { return names_; }
  bool has(std::string_view name) const;
  std::vector<std::string> ending_in(std::string_view end) const;
  std::vector<std::string> folders() const;
  FolderView below(std::string_view folder) const { return FolderView(path_ / folder); }

  /// The first bytes of a file, "" without it.
  std::string start_of(std::string_view file) const;
  /// The object in a small file, or an empty one.
  nlohmann::json json(std::string_view file) const;
  /// The text that a key of it has, "" for none.
  std::string text_in(std::string_view file, const char* key) const;
  /// transformers' class of the model, as config.json names it, or AutoModel.
  std::string architecture() const;

 private:
  std::filesystem::path file(std::string_view name) const;

  std::filesystem::path path_;
  std::vector<std::string> names_;
};

}  // namespace peft

#ifndef PEFT_SEPARATE
#include <peft/io/folder_view.ipp>
#endif
