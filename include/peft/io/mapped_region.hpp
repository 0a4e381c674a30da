// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include <peft/core/inline.hpp>

struct stat;  // the system's

namespace peft {

/// The metadata by which the system tells whether a file's content changed. Equal metadata means equal content, unless
/// a writer restored the time or wrote twice within a tick of the clock.
struct FileStamp {
  std::uint64_t device = 0, inode = 0, size = 0;
  std::int64_t modified = 0;  // nanoseconds
  std::int64_t changed =
      0;  // of the inode: a write that puts `modified` back is seen here, but so is a new name or owner

  static FileStamp of(const struct ::stat& status);

  bool same_content(const FileStamp& other) const {
    return device == other.device && inode == other.inode && size == other.size && modified == other.modified;
  }
  bool operator==(const FileStamp&) const = default;
};

/// A file that this process has mapped. All are in one list that only grows; a region whose file was unmapped is
/// reused. So the list can be walked at any time, even by a signal handler, which reads `data`, `size` and `path` of a
/// region.
struct MappedRegion {
  std::atomic<const std::byte*> data{nullptr};
  std::atomic<std::size_t> size{0};
  int file = -1;  // stays open: what is mapped can be asked for and read whatever its name has become
  std::string path{};
  FileStamp then{};  // when it was mapped
  MappedRegion* next = nullptr;

  bool holds(const void* address) const {
    const auto *at = static_cast<const std::byte*>(address), *begin = data.load(std::memory_order_acquire);
    return begin != nullptr && at >= begin && at < begin + size.load(std::memory_order_relaxed);
  }
  /// The file's metadata now, even if it was renamed or removed. Throws Error with the system's reason.
  FileStamp now() const;
  /// Copies bytes from the file, not through the map: their pages do not become resident in this process. Throws
  /// Error where the file has been shortened, or cannot be read.
  void read(std::span<const std::byte> mapped, std::byte* to) const;

  /// A region for an open file: a new one, or one that is reused.
  static MappedRegion* take(int file, const std::byte* data, std::size_t size, std::string path, const FileStamp& then);
  /// Unmaps and closes.
  static void give_back(MappedRegion* region) noexcept;
  /// The region that the address lies in, or nullptr. For a signal handler too.
  static const MappedRegion* holding(const void* address);
  /// Calls f for every mapped file; none is unmapped meanwhile.
  static void each(const std::function<void(const MappedRegion&)>& f);
};

/// Throws Error if a mapped file has changed since it was mapped: results would mix old and new content. `advice` ends
/// the message. A write that keeps size and time cannot be seen.
void require_unchanged(const std::string& advice);

/// The paths that no longer lead to the mapped file: it was replaced or removed by name, which leaves the map intact.
std::vector<std::string> replaced_files();

}  // namespace peft

#ifndef PEFT_SEPARATE
#include <peft/io/mapped_region.ipp>
#endif
