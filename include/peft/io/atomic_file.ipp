// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <string>
#include <system_error>

#include <peft/core/error.hpp>
#include <peft/io/atomic_file.hpp>

namespace peft {

PEFT_INLINE AtomicFile::AtomicFile(const std::filesystem::path& path) : path_(path) {
  namespace fs = std::filesystem;
  std::error_code ignored;
  if (fs::is_symlink(path_, ignored)) path_ = fs::weakly_canonical(path_);  // replace the file, keep the link
  require(path_.has_filename() && !fs::is_directory(path_, ignored), "cannot write ", path_,
          ": it is a directory, a file name was expected");
  require(!fs::exists(path_, ignored) || fs::is_regular_file(path_, ignored), "cannot write ", path_,
          ": it is a device or a pipe, and would be replaced by a file");
  static std::atomic<unsigned> count{0};
  // the name of the file is cut so that the temporary's stays below the usual limit of 255 bytes
  const std::string stem = "." + path_.filename().string().substr(0, 200) + "." + std::to_string(::getpid()) + ".";
  do {  // a dead process with our number may have left its own
    temporary_ = path_.parent_path() / (stem + std::to_string(count++) + ".tmp");
    file_ = ::open(temporary_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
  } while (file_ < 0 && (errno == EEXIST || errno == EINTR));
  require(file_ >= 0, "cannot write ", path_, ": ", std::strerror(errno),
          "; check that its directory exists and may be written");
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

PEFT_INLINE void AtomicFile::commit() {
  require(file_ >= 0, "cannot write ", path_, ": it is already committed or has failed");
  if (::fsync(file_) != 0) stop(errno);
  const int closed = ::close(file_);
  file_ = -1;
  if (closed != 0) stop(errno);
  if (::rename(temporary_.c_str(), path_.c_str()) != 0) stop(errno);
  temporary_.clear();
  sync_directory();
}

// The rename itself lives in the directory. A file system that cannot flush directories says EINVAL.
PEFT_INLINE void AtomicFile::sync_directory() const {
  const auto directory = path_.has_parent_path() ? path_.parent_path() : std::filesystem::path(".");
  const int file = ::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (file < 0) return;  // a directory that may be written but not read
  const int failed = ::fsync(file) != 0 ? errno : 0;
  ::close(file);
  require(failed == 0 || failed == EINVAL, "wrote ", path_,
          " but cannot flush its directory: ", std::strerror(failed));
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

}  // namespace peft
