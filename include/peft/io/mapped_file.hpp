// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstddef>
#include <filesystem>
#include <span>
#include <string_view>
#include <utility>

#include <peft/core/inline.hpp>

namespace peft {

struct MappedRegion;  // io/mapped_region.hpp

/// A whole file mapped read-only. Pages are read from disk when touched and shared with other processes, so whoever
/// writes into the file in the meantime changes what is read here, and whoever shortens it makes the lost part raise
/// SIGBUS. Nothing here can prevent that: replace files by renaming, as AtomicFile does. `require_unchanged` detects
/// the former, MappedFileGuard reports the latter.
class MappedFile {
 public:
  /// Throws Error with the system's reason when `path` is missing, unreadable or not a regular file.
  /// An empty file is fine and has no bytes.
  explicit MappedFile(const std::filesystem::path& path);

  MappedFile(MappedFile&& other) noexcept : region_(std::exchange(other.region_, nullptr)) {}

  MappedFile& operator=(MappedFile&& other) noexcept {
    std::swap(region_, other.region_);
    return *this;
  }

  ~MappedFile();

  std::span<const std::byte> bytes() const;
  std::string_view text() const { return {reinterpret_cast<const char*>(bytes().data()), bytes().size()}; }

 private:
  MappedRegion* region_ = nullptr;
};

}  // namespace peft

#ifndef PEFT_SEPARATE
#include <peft/io/mapped_file.ipp>
#endif
