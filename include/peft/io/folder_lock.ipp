// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <ctime>
#include <string>
#include <utility>

#include <peft/core/error.hpp>
#include <peft/io/folder_lock.hpp>

namespace peft {

namespace folder_lock {

// "process 4711 on host since 2026-11-30 21:05:11: finetune --out out"
PEFT_INLINE std::string owner(std::string_view command) {
  char host[256] = "this machine", since[32] = "";
  ::gethostname(host, sizeof host - 1);
  const std::time_t now = std::time(nullptr);
  std::tm local{};
  ::localtime_r(&now, &local);
  std::strftime(since, sizeof since, "%F %T", &local);
  return cat("process ", ::getpid(), " on ", host, " since ", since, ": ", command, "\n");
}

PEFT_INLINE std::string content(int file) {
  char text[1000];
  const ::ssize_t size = ::pread(file, text, sizeof text, 0);
  std::string said(text, size > 0 ? static_cast<std::size_t>(size) : 0);
  return said.substr(0, said.find('\n'));
}

// Does the name still lead to the open file? Its last owner may have removed it as it left.
PEFT_INLINE bool is_named(int file, const std::filesystem::path& path) {
  struct ::stat open {
  }, named{};
  return ::fstat(file, &open) == 0 && ::stat(path.c_str(), &named) == 0 && open.st_dev == named.st_dev &&
         open.st_ino == named.st_ino;
}

}  // namespace folder_lock

PEFT_INLINE FolderLock::FolderLock(const std::filesystem::path& folder, std::string_view command) : folder_(folder) {
  const auto path = folder / lock_file_name;
  for (bool mine = false; !mine;) {
    file_ = ::open(path.c_str(), O_RDWR | O_CREAT, 0644);  // without O_CLOEXEC: it is for the program that follows too
    require(file_ >= 0, "cannot lock ", folder, ": ", path, ": ", std::strerror(errno));
    const bool taken = ::flock(file_, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK;
    const std::string who = taken ? folder_lock::content(file_) : "";
    mine = !taken && folder_lock::is_named(file_, path);
    if (!mine) ::close(std::exchange(file_, -1));
    if (taken)
      fail(folder.string(), " is in use by ", who.empty() ? "another process" : who,
           "; wait until that has ended, stop it, or give another folder");
  }
  const std::string text = folder_lock::owner(command);
  // That nothing can be written there is for its user to say: the lock holds all the same.
  if (::ftruncate(file_, 0) == 0) static_cast<void>(::pwrite(file_, text.data(), text.size(), 0) < 0);
}

PEFT_INLINE FolderLock::~FolderLock() {
  leave_folder(folder_);
  ::close(file_);
}

PEFT_INLINE void leave_folder(const std::filesystem::path& folder) noexcept {
  const auto path = folder / lock_file_name;
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) return;
  const std::string mine = "process " + std::to_string(::getpid()) + " ";
  if (folder_lock::content(file).starts_with(mine)) ::unlink(path.c_str());
  ::close(file);
}

}  // namespace peft
