// SPDX-License-Identifier: Apache-2.0
// What is fed to readers of files that are not trusted. A reader may refuse with an Error, and with nothing else; what
// it takes must make sense, or the target aborts. Adding a target is adding a row to a table at the end of one of these
// sources, and a seed in corpus/.
#pragma once
#include <filesystem>
#include <span>
#include <string_view>
#include <vector>

#include <peft/core/error.hpp>

namespace fuzz {

/// Reads the bytes as one kind of file; may throw peft::Error.
struct Target {
  std::string_view name;
  void (*run)(std::string_view bytes);
};

extern const std::vector<Target> io_targets, adapter_targets, text_targets, data_targets, program_targets;

std::vector<Target> all_targets();

/// The target of that name, or nothing.
const Target* find_target(std::string_view name);

/// One input for one target; an Error is fine.
void run(const Target& target, std::string_view bytes);

/// Aborts where what was read makes no sense.
void expect(bool holds);

/// Does what may be refused while more is to come.
void attempt(auto&& action) {
  try {
    action();
  } catch (const peft::Error&) {
  }
}

/// An empty folder in memory, for as long as this.
class Folder {
 public:
  Folder();
  ~Folder();
  Folder(const Folder&) = delete;

  const std::filesystem::path& path() const { return path_; }
  /// Writes a file, and gives its path.
  std::filesystem::path put(std::string_view name, std::string_view bytes) const;

 private:
  std::filesystem::path path_;
};

/// The parts of an input that zero bytes divide, `count` of them; those that are not there are empty.
std::vector<std::string_view> parts(std::string_view bytes, std::size_t count);

}  // namespace fuzz
