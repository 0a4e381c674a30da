// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <filesystem>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

#include <peft/core/inline.hpp>

namespace peft {

/// Inspects a folder, or a single file as if it were alone in its folder, and never throws: what cannot be read counts
/// as missing.
class FolderView {
 public:
  explicit FolderView(std::filesystem::path path);

  const std::filesystem::path& path() const { return path_; }
  bool exists() const;
  bool is_file() const;
  bool is_folder() const;
  /// The names of all files in it but hidden ones, sorted.
  const std::vector<std::string>& names() const { return names_; }
  bool has(std::string_view name) const;
  std::vector<std::string> ending_in(std::string_view end) const;
  std::vector<std::string> folders() const;
  FolderView below(std::string_view folder) const { return FolderView(path_ / folder); }

  /// The first bytes of a file; "" if it is missing.
  std::string start_of(std::string_view file) const;
  /// The object in a small file, or an empty one.
  nlohmann::json json(std::string_view file) const;
  /// The string value of one of its keys; "" if there is none.
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
