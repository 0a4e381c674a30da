// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <peft/io/atomic_file.hpp>

#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <system_error>

/// Is it what standard output goes to already, by whatever name? To replace that file would lose what it holds.
inline bool is_standard_output(const std::string& path) {
  struct stat there {
  }, standard{};
  return ::stat(path.c_str(), &there) == 0 && ::fstat(STDOUT_FILENO, &standard) == 0 &&
         there.st_dev == standard.st_dev && there.st_ino == standard.st_ino;
}

/// Is it written to as it is, a device, a pipe or standard output? A file is replaced whole.
inline bool is_stream(const std::string& path) {
  std::error_code absent;
  return is_standard_output(path) ||
         (std::filesystem::exists(path, absent) && !std::filesystem::is_regular_file(path, absent));
}

/// What an option writes, in pieces: a file is replaced whole once it is committed; a device or a pipe is written to,
/// and so is what standard output is. Throws peft::Error with the system's reason.
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
