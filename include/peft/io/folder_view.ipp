// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <cctype>
#include <nlohmann/json.hpp>
#include <system_error>
#include <utility>

#include <peft/core/error.hpp>
#include <peft/io/folder_view.hpp>
#include <peft/io/json.hpp>
#include <peft/io/mapped_file.hpp>

namespace peft {

PEFT_INLINE FolderView::FolderView(std::filesystem::path path) : path_(std::move(path)) {
  namespace fs = std::filesystem;
  if (is_file()) names_ = {path_.filename().string()};
  constexpr std::size_t most = 10000;
  std::error_code problem;
  if (is_folder())
    for (fs::directory_iterator at(path_, problem), end; !problem && at != end && names_.size() < most;
         at.increment(problem))
      if (auto name = at->path().filename().string(); !name.starts_with('.')) names_.push_back(std::move(name));
  std::sort(names_.begin(), names_.end());
}

PEFT_INLINE bool FolderView::exists() const {
  std::error_code ignored;
  return std::filesystem::exists(path_, ignored);
}

PEFT_INLINE bool FolderView::is_file() const {
  std::error_code ignored;
  return std::filesystem::is_regular_file(path_, ignored);
}

PEFT_INLINE bool FolderView::is_folder() const {
  std::error_code ignored;
  return std::filesystem::is_directory(path_, ignored);
}

PEFT_INLINE bool FolderView::has(std::string_view name) const {
  return std::binary_search(names_.begin(), names_.end(), name);
}

PEFT_INLINE std::vector<std::string> FolderView::ending_in(std::string_view end) const {
  std::vector<std::string> found;
  for (const auto& name : names_)
    if (name.ends_with(end)) found.push_back(name);
  return found;
}

PEFT_INLINE std::vector<std::string> FolderView::folders() const {
  std::vector<std::string> found;
  std::error_code ignored;
  for (const auto& name : names_)
    if (is_folder() && std::filesystem::is_directory(path_ / name, ignored)) found.push_back(name);
  return found;
}

PEFT_INLINE std::filesystem::path FolderView::file(std::string_view name) const {
  return is_file() ? path_ : path_ / name;
}

PEFT_INLINE std::string FolderView::start_of(std::string_view name) const {
  constexpr std::size_t enough = 64;
  if (!has(name)) return "";
  try {
    return std::string(MappedFile(file(name)).text().substr(0, enough));
  } catch (const Error&) {
    return "";
  }
}

PEFT_INLINE nlohmann::json FolderView::json(std::string_view name) const {
  auto found = nlohmann::json::object();
  if (!has(name)) return found;
  try {
    found = parse_json_file(file(name));
  } catch (const Error&) {
  }
  return found.is_object() ? found : nlohmann::json::object();
}

PEFT_INLINE std::string FolderView::text_in(std::string_view name, const char* key) const {
  const auto value = json(name).value(key, nlohmann::json());
  return value.is_string() ? value.get<std::string>() : "";
}

PEFT_INLINE std::string FolderView::architecture() const {
  const auto named = json("config.json").value("architectures", nlohmann::json());
  if (!named.is_array() || named.empty() || !named[0].is_string()) return "AutoModel";
  auto name = named[0].get<std::string>();
  const bool plain = std::all_of(name.begin(), name.end(),
                                 [](char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_'; });
  return plain && !name.empty() ? name : "AutoModel";
}

}  // namespace peft
