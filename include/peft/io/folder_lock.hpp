// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <filesystem>
#include <string_view>

#include <peft/core/inline.hpp>

namespace peft {

/// The name of the lock file, which names the folder's owner.
inline constexpr const char* lock_file_name = "run.lock";

/// A folder that one process writes to: while this lives, nobody else gets it. The lock is the system's (flock), so it
/// ends with the process however that dies, and it stays with the process through exec, of which the program that
/// follows knows by `leave_folder`. The file says who has it, for people and for the refusal of others.
class FolderLock {
 public:
  /// Takes an existing folder. `command`: what the owner runs, for others to read. Throws Error naming the owner where
  /// there is one. On a file system that knows no locks, everybody gets it.
  FolderLock(const std::filesystem::path& folder, std::string_view command);

  FolderLock(const FolderLock&) = delete;
  FolderLock& operator=(const FolderLock&) = delete;
  ~FolderLock();

 private:
  std::filesystem::path folder_;
  int file_ = -1;
};

/// Releases a folder that this process has locked, perhaps before an exec: removes the lock file if it is its own.
void leave_folder(const std::filesystem::path& folder) noexcept;

}  // namespace peft

#ifndef PEFT_SEPARATE
#include <peft/io/folder_lock.ipp>
#endif
