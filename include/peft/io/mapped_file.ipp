// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include <peft/core/error.hpp>
#include <peft/io/mapped_file.hpp>

namespace peft {

namespace mapped_file {

[[noreturn]] PEFT_INLINE void stop(int file, const std::filesystem::path& path, const char* reason) {
  ::close(file);
  fail("cannot map ", path, ": ", reason);
}

}  // namespace mapped_file

PEFT_INLINE MappedFile::MappedFile(const std::filesystem::path& path) {
  using mapped_file::stop;
  // O_NONBLOCK: opening a named pipe must not wait for its writer
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  require(file >= 0, "cannot open ", path, ": ", std::strerror(errno));
  struct ::stat status {};
  if (::fstat(file, &status) != 0) stop(file, path, std::strerror(errno));
  if (S_ISDIR(status.st_mode)) stop(file, path, "it is a directory, a file was expected");
  if (!S_ISREG(status.st_mode)) stop(file, path, "it is not a regular file");
  size_ = static_cast<std::size_t>(status.st_size);
  if (size_ > 0) {
    data_ = ::mmap(nullptr, size_, PROT_READ, MAP_PRIVATE, file, 0);
    if (data_ == MAP_FAILED) {
      data_ = nullptr;
      stop(file, path, std::strerror(errno));
    }
  }
  ::close(file);
}

PEFT_INLINE MappedFile::~MappedFile() {
  if (data_ != nullptr) ::munmap(data_, size_);
}

}  // namespace peft
