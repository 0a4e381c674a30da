// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstddef>
#include <filesystem>
#include <span>
#include <string_view>
#include <utility>

#include <peft/core/inline.hpp>

namespace peft {

/// A whole file mapped read-only. Pages are read from disk when touched and shared with other processes.
/// If somebody truncates the file while it is mapped, touching the lost part raises SIGBUS: nothing here can prevent
/// that, so replace files by renaming (as AtomicFile does) and never shorten them in place.
class MappedFile {
 public:
  /// Throws Error with the system's reason when `path` is missing, unreadable or not a regular file.
  /// An empty file is fine and has no bytes.
  explicit MappedFile(const std::filesystem::path& path);

  MappedFile(MappedFile&& other) noexcept
      : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}

  MappedFile& operator=(MappedFile&& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
    return *this;
  }

  ~MappedFile();

  std::span<const std::byte> bytes() const { return {static_cast<const std::byte*>(data_), size_}; }
  std::string_view text() const { return {static_cast<const char*>(data_), size_}; }

 private:
  void* data_ = nullptr;
  std::size_t size_ = 0;
};

}  // namespace peft

#ifndef PEFT_SEPARATE
#include <peft/io/mapped_file.ipp>
#endif
