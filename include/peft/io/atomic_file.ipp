// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstring>
#include <string>
#include <system_error>
#include <vector>

#include <peft/core/error.hpp>
#include <peft/io/atomic_file.hpp>

namespace peft {

PEFT_INLINE AtomicFile::AtomicFile(const std::filesystem::path& path) : path_(path) {
  namespace fs = std::filesystem;
  std::error_code ignored;
  for (int links = 0; fs::is_symlink(path_, ignored);
       ++links) {  // replace the file, keep the link; there may be no file yet
    require(links < 40, "cannot write ", path, ": ", std::strerror(ELOOP));
    path_ = folder_of(path_) / fs::read_symlink(path_, ignored);
  }
  require(path_.has_filename() && !fs::is_directory(path_, ignored), "cannot write ", path_,
          ": it is a directory, a file name was expected");
  const bool there = fs::exists(path_, ignored);
  require(!there || fs::is_regular_file(path_, ignored), "cannot write ", path_,
          ": it is a device or a pipe, and would be replaced by a file");
  if (there && ::faccessat(AT_FDCWD, path_.c_str(), W_OK, AT_EACCESS) != 0)
    fail("cannot write ", path_, ": ", std::strerror(errno),
         "; the file that is there may not be written (chmod u+w allows it)");
  static std::atomic<unsigned> count{0};
  // the name of the file is cut so that the temporary's stays below the usual limit of 255 bytes
  const std::string stem = "." + path_.filename().string().substr(0, 200) + "." + std::to_string(::getpid()) + ".";
  do {  // a dead process with our number may have left its own
    temporary_ = path_.parent_path() / (stem + std::to_string(count++) + ".tmp");
    file_ = ::open(temporary_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
  } while (file_ < 0 && (errno == EEXIST || errno == EINTR));
  if (file_ < 0) {
    const int reason = errno;
    temporary_.clear();  // not ours to remove
    fail("cannot write ", path_, ": ", std::strerror(reason), "; check that its directory exists and may be written");
  }
  struct ::stat old {};
  if (::stat(path_.c_str(), &old) == 0) static_cast<void>(::fchmod(file_, old.st_mode & 07777));
}

PEFT_INLINE void AtomicFile::write(std::span<const std::byte> bytes) {
  require(file_ >= 0, "cannot write ", path_, ": it is already committed or has failed");
  while (!bytes.empty()) {
    constexpr std::size_t most = std::size_t{1} << 30;  // one call may not write more than 2 GiB
    const ::ssize_t done = ::write(file_, bytes.data(), std::min(bytes.size(), most));
    if (done < 0 && errno == EINTR) continue;
    if (done <= 0) stop(done < 0 ? errno : EIO);
    bytes = bytes.subspan(static_cast<std::size_t>(done));
  }
}

PEFT_INLINE void AtomicFile::flush() {
  require(file_ >= 0, "cannot write ", path_, ": it is already committed or has failed");
  if (::fsync(file_) != 0) stop(errno);
  const int closed = ::close(file_);
  file_ = -1;
  if (closed != 0) stop(errno);
}

PEFT_INLINE void AtomicFile::replace() {
  if (::rename(temporary_.c_str(), path_.c_str()) != 0) stop(errno);
  temporary_.clear();
}

PEFT_INLINE void AtomicFile::commit() {
  flush();
  replace();
  flush_folder(folder_of(path_));
}

PEFT_INLINE void AtomicFile::stop(int reason) {
  discard();
  fail("cannot write ", path_, ": ", std::strerror(reason), "; an earlier file of that name is unchanged");
}

PEFT_INLINE void AtomicFile::discard() noexcept {
  if (file_ >= 0) ::close(file_);
  file_ = -1;
  if (!temporary_.empty()) ::unlink(temporary_.c_str());
  temporary_.clear();
}

PEFT_INLINE void write_file(const std::filesystem::path& path, std::string_view text) {
  AtomicFile file(path);
  file.write(text);
  file.commit();
}

namespace atomic_file {

// The process that a temporary's name speaks of; 0: it is no temporary of ours.
PEFT_INLINE ::pid_t writer_of(std::string_view name, std::string_view of) {
  const auto number = [&](std::string_view& rest) -> ::pid_t {
    const std::size_t dot = rest.rfind('.');
    if (dot == rest.npos) return 0;
    ::pid_t value = 0;
    const auto [end, problem] = std::from_chars(rest.data() + dot + 1, rest.data() + rest.size(), value);
    if (problem != std::errc() || end != rest.data() + rest.size()) return 0;
    rest = rest.substr(0, dot);
    return value + 1;  // 0 is a number too
  };
  if (!name.starts_with('.') || !name.ends_with(".tmp")) return 0;
  name = name.substr(1, name.size() - 5);
  if (number(name) == 0) return 0;
  const ::pid_t writer = number(name);
  return writer > 1 && !name.empty() && (of.empty() || name == of.substr(0, 200)) ? writer - 1 : 0;
}

}  // namespace atomic_file

PEFT_INLINE void remove_leftovers(const std::filesystem::path& folder, std::string_view of) {
  std::error_code ignored;
  std::vector<std::filesystem::path> found;
  for (const auto& entry : std::filesystem::directory_iterator(folder, ignored)) {
    const ::pid_t writer = atomic_file::writer_of(entry.path().filename().string(), of);
    if (writer > 0 && (writer == ::getpid() || (::kill(writer, 0) != 0 && errno == ESRCH)))
      found.push_back(entry.path());
  }
  for (const auto& path : found) std::filesystem::remove(path, ignored);
}

// A file system that cannot flush directories says EINVAL.
PEFT_INLINE void flush_folder(const std::filesystem::path& folder) {
  const int file = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (file < 0) return;  // one that may be written but not read
  const int failed = ::fsync(file) != 0 ? errno : 0;
  ::close(file);
  require(failed == 0 || failed == EINVAL, "cannot flush the folder ", folder, " to the disk: ", std::strerror(failed));
}

PEFT_INLINE void make_folder(const std::filesystem::path& folder) {
  namespace fs = std::filesystem;
  const fs::path path = folder.has_filename() ? folder : folder.parent_path();  // "a/" is "a"
  std::error_code problem;
  if (path.empty() || fs::is_directory(path, problem)) return;
  if (path.has_parent_path()) make_folder(path.parent_path());
  fs::create_directory(path, problem);
  require(!problem, "cannot make the folder ", path, ": ", problem.message());
  flush_folder(folder_of(path));
}

PEFT_INLINE std::filesystem::path folder_of(const std::filesystem::path& file) {
  return file.has_parent_path() ? file.parent_path() : std::filesystem::path(".");
}

}  // namespace peft
