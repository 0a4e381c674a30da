// SPDX-License-Identifier: Apache-2.0
#include "targets.hpp"

#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <string>

namespace fuzz {

namespace fs = std::filesystem;

std::vector<Target> all_targets() {
  std::vector<Target> all;
  for (const auto* some : {&io_targets, &adapter_targets, &text_targets, &data_targets, &program_targets})
    all.insert(all.end(), some->begin(), some->end());
  return all;
}

const Target* find_target(std::string_view name) {
  static const std::vector<Target> all = all_targets();
  const auto found = std::find_if(all.begin(), all.end(), [&](const Target& target) { return target.name == name; });
  return found == all.end() ? nullptr : &*found;
}

void run(const Target& target, std::string_view bytes) {
  attempt([&] { target.run(bytes); });
}

void expect(bool holds) {
  if (!holds) std::abort();
}

Folder::Folder() {
  static const fs::path base = (fs::exists("/dev/shm") ? fs::path("/dev/shm") : fs::temp_directory_path()) /
                               ("peft_fuzz_" + std::to_string(getpid()));
  path_ = base;
  fs::remove_all(path_);
  fs::create_directories(path_);
}

Folder::~Folder() {
  std::error_code ignored;
  fs::remove_all(path_, ignored);
}

fs::path Folder::put(std::string_view name, std::string_view bytes) const {
  const fs::path path = path_ / name;
  std::ofstream(path, std::ios::binary) << bytes;
  return path;
}

std::vector<std::string_view> parts(std::string_view bytes, std::size_t count) {
  std::vector<std::string_view> all(count);
  for (std::size_t i = 0; i < count; ++i) {
    const std::size_t end = i + 1 < count ? std::min(bytes.find('\0'), bytes.size()) : bytes.size();
    all[i] = bytes.substr(0, end);
    bytes.remove_prefix(std::min(end + 1, bytes.size()));
  }
  return all;
}

}  // namespace fuzz
