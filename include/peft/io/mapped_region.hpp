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

/// What the system says of a file's content without a look at it. Of two that are equal the content is the same, unless
/// somebody wrote into the file and put its time back, or twice within a tick of the clock.
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

/// A file that this process has mapped. All are in one list that only grows: a region whose file is let go waits for
/// the next. So it can be walked at any time, by a signal handler too, which looks at `data`, `size` and the `path` of
/// the region that it finds.
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
  /// What the file is now, whatever its name has become. Throws Error with the system's reason.
  FileStamp now() const;
  /// Copies bytes of the map from the file, past the map: their pages do not become a part of this process. Throws
  /// Error where the file has been shortened, or cannot be read.
  void read(std::span<const std::byte> mapped, std::byte* to) const;

  /// A region for a file that is open: a new one, or one that waited.
  static MappedRegion* take(int file, const std::byte* data, std::size_t size, std::string path, const FileStamp& then);
  /// Unmaps and closes.
  static void give_back(MappedRegion* region) noexcept;
  /// The region that the address lies in, or nullptr. For a signal handler too.
  static const MappedRegion* holding(const void* address);
  /// Calls f for every file that is mapped; none is let go meanwhile.
  static void each(const std::function<void(const MappedRegion&)>& f);
};

/// Throws Error where a file that is mapped is no longer what it was when it was mapped: what is computed with it is
/// then of neither content. `advice` ends the message. A write that keeps size and time cannot be seen.
void require_unchanged(const std::string& advice);

/// The names under which another file, or none, is found now than the one that is mapped: replaced by renaming, which
/// does the mapped one no harm.
std::vector<std::string> replaced_files();

}  // namespace peft

#ifndef PEFT_SEPARATE
#include <peft/io/mapped_region.ipp>
#endif
