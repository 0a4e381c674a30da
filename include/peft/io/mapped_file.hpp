// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstring>
#include <filesystem>
#include <span>
#include <string_view>
#include <utility>

#include <peft/core/error.hpp>

namespace peft {

/// A whole file mapped read-only. Pages are read from disk when touched and shared with other processes.
/// If somebody truncates the file while it is mapped, touching the lost part raises SIGBUS: nothing here can prevent
/// that, so replace files by renaming (as AtomicFile does) and never shorten them in place.
class MappedFile {
 public:
  /// Throws Error with the system's reason when `path` is missing, unreadable or not a regular file.
  /// An empty file is fine and has no bytes.
  explicit MappedFile(const std::filesystem::path& path) {
    // O_NONBLOCK: opening a named pipe must not wait for its writer
    const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    require(file >= 0, "cannot open ", path, ": ", std::strerror(errno));
    struct ::stat status {};
    if (::fstat(file, &status) != 0) stop(file, path, std::strerror(errno));
    if (S_ISDIR(status.st_mode)) stop(file, path, "it is a directory, a file was expected");
    if (!S_ISREG(status.st_mode)) stop(file, path, "it is not a regular file");
    size_ = static_cast<std::size_t>(status.st_size);
    if (size_ > 0) {
      data_ = ::mmap(nullptr, size_, PROT_READ, MAP_PRIVATE, file, 0);
      if (data_ == MAP_FAILED) {
        data_ = nullptr;
        stop(file, path, std::strerror(errno));
      }
    }
    ::close(file);
  }

  MappedFile(MappedFile&& other) noexcept
      : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}

  MappedFile& operator=(MappedFile&& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
    return *this;
  }

  ~MappedFile() {
    if (data_ != nullptr) ::munmap(data_, size_);
  }

  std::span<const std::byte> bytes() const { return {static_cast<const std::byte*>(data_), size_}; }
  std::string_view text() const { return {static_cast<const char*>(data_), size_}; }

 private:
  [[noreturn]] static void stop(int file, const std::filesystem::path& path, const char* reason) {
    ::close(file);
    fail("cannot map ", path, ": ", reason);
  }

  void* data_ = nullptr;
  std::size_t size_ = 0;
};

}  // namespace peft
