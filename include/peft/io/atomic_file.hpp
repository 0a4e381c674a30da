// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstddef>
#include <filesystem>
#include <span>
#include <string_view>

#include <peft/core/inline.hpp>

namespace peft {

/// Writes a file so that its name always shows the old content or the whole new content, never a part: the bytes go to
/// a temporary in the same directory, commit() flushes it to the disk and renames it over the old file.
/// Without commit(), or when anything fails, the destructor removes the temporary and the old file stays. Only a
/// process that dies at once (SIGKILL, power) leaves its temporary, named ".<file>.<process>.<count>.tmp", behind.
class AtomicFile {
 public:
  /// Throws Error with the system's reason when the directory does not exist or cannot be written, and for a file that
  /// may not be written itself: a directory would let it be replaced all the same.
  explicit AtomicFile(const std::filesystem::path& path);

  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;

  ~AtomicFile() { discard(); }

  /// The final path, with symbolic links resolved.
  const std::filesystem::path& path() const { return path_; }

  /// Appends. Throws Error (disk full, file too large, ...) and removes the temporary.
  void write(std::span<const std::byte> bytes);

  void write(std::string_view text) { write(std::as_bytes(std::span(text.data(), text.size()))); }

  /// Makes the new content durable and visible under the file's name. Throws Error and keeps the old file.
  void commit();

  /// The steps of commit(), for files that are put in place together: the content on the disk; under the file's name;
  /// and the name in the directory on the disk.
  void flush();
  void replace();

 private:
  [[noreturn]] void stop(int reason);
  void discard() noexcept;

  std::filesystem::path path_, temporary_;
  int file_ = -1;
};

/// The whole of `text` as the file `path`, atomically.
void write_file(const std::filesystem::path& path, std::string_view text);

/// Removes the temporaries in a folder whose process is gone, all or those of one file. For a folder that one process
/// owns.
void remove_leftovers(const std::filesystem::path& folder, std::string_view of = "");

/// Flushes a folder's entries (renames, creations, removals) to the disk. File systems that cannot are ignored.
void flush_folder(const std::filesystem::path& folder);

/// Creates a folder and its missing parents, durably. Throws Error with the system's reason.
void make_folder(const std::filesystem::path& folder);

/// The folder that a file is in: "." of a bare name.
std::filesystem::path folder_of(const std::filesystem::path& file);

}  // namespace peft

#ifndef PEFT_SEPARATE
#include <peft/io/atomic_file.ipp>
#endif
