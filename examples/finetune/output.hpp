// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <peft/io/atomic_file.hpp>

#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <system_error>

/// Is it written to as it is, a device, a pipe or whatever /dev/stdout is? A file is replaced whole.
inline bool is_stream(const std::string& path) {
  std::error_code absent;
  return path.starts_with("/dev/") || (std::filesystem::exists(path, absent) && !std::filesystem::is_regular_file(path, absent));
}

/// What an option writes, in pieces: a file is replaced whole once it is committed; a device or a pipe is written to, and so is what
/// standard output is. Throws peft::Error with the system's reason.
class Output {
 public:
  explicit Output(const std::string& path);
  Output(const Output&) = delete;
  Output& operator=(const Output&) = delete;
  ~Output();
  void write(std::string_view text);
  void commit();

 private:
  void flush();

  std::string path_, waiting_;
  std::unique_ptr<peft::AtomicFile> file_;
  int device_ = -1;  // where it is neither: standard output
};

/// The whole of `text` at once.
void write_output(const std::string& path, const std::string& text);
