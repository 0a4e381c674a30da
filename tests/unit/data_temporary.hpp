// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <initializer_list>
#include <peft/core/error.hpp>
#include <string>
#include <string_view>
#include <utility>

/// A folder with the given files, removed afterwards.
class Folder {
 public:
  Folder(std::initializer_list<std::pair<std::string_view, std::string_view>> files = {}) {
    std::string name = (std::filesystem::temp_directory_path() / "peft_data_XXXXXX").string();
    peft::require(::mkdtemp(name.data()) != nullptr, "cannot make ", name);
    path_ = name;
    for (const auto& [file, text] : files) put(file, text);
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  ~Folder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }

  void put(std::string_view file, std::string_view text) const {
    std::filesystem::create_directories((path_ / file).parent_path());
    std::ofstream(path_ / file, std::ios::binary).write(text.data(), static_cast<std::streamsize>(text.size()));
  }
  const std::filesystem::path& path() const { return path_; }
  operator const std::filesystem::path&() const { return path_; }

 private:
  std::filesystem::path path_;
};

/// "" when `action` throws a peft::Error whose message holds all the parts; else what is wrong.
template <class Action>
std::string missing_in_error(Action&& action, std::initializer_list<std::string_view> parts) {
  try {
    action();
  } catch (const peft::Error& error) {
    const std::string message = error.what();
    for (const auto part : parts)
      if (message.find(part) == std::string::npos) return peft::cat("no \"", part, "\" in \"", message, "\"");
    return "";
  }
  return "nothing was thrown";
}
