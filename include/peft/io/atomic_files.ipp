// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <set>
#include <system_error>

#include <peft/core/error.hpp>
#include <peft/io/atomic_files.hpp>

namespace peft {

PEFT_INLINE void remove_file(const std::filesystem::path& path) {
  std::error_code problem;
  std::filesystem::remove(path, problem);
  require(!problem, "cannot remove ", path, ": ", problem.message());
}

PEFT_INLINE AtomicFile& AtomicFiles::add(const std::filesystem::path& path, bool seal) {
  require(!holds(path), "cannot write ", path, ": it is already one of the files to be written");
  make_folder(folder_of(path));
  return members_.emplace_back(path, seal).file;
}

PEFT_INLINE bool AtomicFiles::holds(const std::filesystem::path& path) const {
  return std::ranges::any_of(members_, [&](const Member& m) { return m.name == path; });
}

PEFT_INLINE void AtomicFiles::commit() {
  for (Member& m : members_) m.file.flush();
  bool begun = false;
  try {
    if (members_.size() + removed_.size() > 1)  // one alone is replaced, not taken away
      for (const Member& m : members_)
        if (m.seal) {
          begun = true;
          remove_file(m.file.path());
        }
    if (begun) flush_folders();
    put_in_place();
  } catch (const Error& e) {
    std::string folders;
    for (const Member& m : members_)
      if (m.seal) folders += cat(folders.empty() ? "" : " and ", folder_of(m.name).string());
    if (!begun || folders.empty()) throw;
    fail(e.what(), "; what is in ", folders, " cannot be used until it is saved again");
  }
  members_.clear();
  removed_.clear();
}

// The seals come once all else is on the disk.
PEFT_INLINE void AtomicFiles::put_in_place() {
  for (const auto& path : removed_)
    if (!holds(path)) remove_file(path);
  for (Member& m : members_)
    if (!m.seal) m.file.replace();
  flush_folders();
  if (std::ranges::none_of(members_, &Member::seal)) return;
  for (Member& m : members_)
    if (m.seal) m.file.replace();
  flush_folders();
}

PEFT_INLINE void AtomicFiles::flush_folders() const {
  std::set<std::filesystem::path> folders;
  for (const Member& m : members_) folders.insert(folder_of(m.file.path()));
  for (const auto& path : removed_) folders.insert(folder_of(path));
  std::error_code ignored;
  for (const auto& folder : folders)
    if (std::filesystem::is_directory(folder, ignored)) flush_folder(folder);
}

}  // namespace peft
