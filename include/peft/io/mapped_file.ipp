// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include <peft/core/error.hpp>
#include <peft/core/out_of_memory.hpp>
#include <peft/io/mapped_file.hpp>
#include <peft/io/mapped_region.hpp>

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
  const FileStamp then = FileStamp::of(status);
  void* data = then.size == 0 ? nullptr : ::mmap(nullptr, then.size, PROT_READ, MAP_PRIVATE, file, 0);
  if (data == MAP_FAILED && errno == ENOMEM) {
    ::close(file);
    throw OutOfMemory("the map of " + path.string(), then.size);
  }
  if (data == MAP_FAILED) stop(file, path, std::strerror(errno));
  region_ = MappedRegion::take(file, static_cast<const std::byte*>(data), then.size, path.string(), then);
}

PEFT_INLINE MappedFile::~MappedFile() {
  if (region_ != nullptr) MappedRegion::give_back(region_);
}

PEFT_INLINE std::span<const std::byte> MappedFile::bytes() const {
  return region_ == nullptr
             ? std::span<const std::byte>()
             : std::span(region_->data.load(std::memory_order_relaxed), region_->size.load(std::memory_order_relaxed));
}

}  // namespace peft
