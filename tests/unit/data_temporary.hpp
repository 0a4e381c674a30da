// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <filesystem>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>

#include "io_temporary.hpp"

/// A folder with the given files, removed afterwards.
class Folder : public Temporary {
 public:
  Folder(std::initializer_list<std::pair<std::string_view, std::string_view>> files = {}) {
    for (const auto& [file, text] : files) put(file, text);
  }

  void put(std::string_view file, std::string_view text) const {
    std::filesystem::create_directories((path() / file).parent_path());
    ::put(path() / file, text);
  }
  operator const std::filesystem::path&() const { return path(); }
};

/// "" when `action` throws a peft::Error whose message holds all the parts; else what is wrong.
template <class Action>
std::string missing_in_error(Action&& action, std::initializer_list<std::string_view> parts) {
  const std::string message = error_of(action);
  return message.empty() ? "nothing was thrown" : lacks(message, parts);
}
