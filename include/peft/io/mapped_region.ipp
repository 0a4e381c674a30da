// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <ctime>
#include <mutex>

#include <peft/core/error.hpp>
#include <peft/io/mapped_region.hpp>

namespace peft {

namespace mapped_region {

struct List {
  std::atomic<MappedRegion*> first{nullptr};
  std::mutex changing;  // whoever takes a region, gives one back or needs all to stay
};

PEFT_INLINE constinit List list;

/// "2026-11-30 20:51:07 UTC".
PEFT_INLINE std::string moment(std::int64_t nanoseconds) {
  const auto seconds = static_cast<std::time_t>(nanoseconds / 1'000'000'000);
  std::tm parts{};
  char text[32] = "";
  if (::gmtime_r(&seconds, &parts) != nullptr) std::strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S UTC", &parts);
  return text;
}

}  // namespace mapped_region

PEFT_INLINE FileStamp FileStamp::of(const struct ::stat& status) {
  const auto nanoseconds = [](const ::timespec& t) { return std::int64_t{t.tv_sec} * 1'000'000'000 + t.tv_nsec; };
  return {status.st_dev, status.st_ino, static_cast<std::uint64_t>(status.st_size), nanoseconds(status.st_mtim),
          nanoseconds(status.st_ctim)};
}

PEFT_INLINE FileStamp MappedRegion::now() const {
  struct ::stat status {};
  require(::fstat(file, &status) == 0, path, ": ", std::strerror(errno));
  return FileStamp::of(status);
}

PEFT_INLINE void MappedRegion::read(std::span<const std::byte> mapped, std::byte* to) const {
  auto at = static_cast<::off_t>(mapped.data() - data.load());
  for (std::size_t left = mapped.size(); left > 0;) {
    const ::ssize_t n = ::pread(file, to, left, at);
    if (n < 0 && errno == EINTR) continue;
    require(n >= 0, path, ": ", std::strerror(errno));
    require(n > 0, path, " was shortened while it was mapped; replace files by renaming, and never write into them");
    to += n, at += n, left -= static_cast<std::size_t>(n);
  }
}

PEFT_INLINE MappedRegion* MappedRegion::take(int file, const std::byte* data, std::size_t size, std::string path,
                                             const FileStamp& then) {
  auto& list = mapped_region::list;
  const std::lock_guard lock(list.changing);
  MappedRegion* region = list.first.load();
  while (region != nullptr && region->file >= 0) region = region->next;
  const bool made = region == nullptr;
  if (made) region = new MappedRegion;
  region->file = file;
  region->path = std::move(path);
  region->then = then;
  region->size.store(size, std::memory_order_relaxed);
  region->data.store(data, std::memory_order_release);
  if (made) {
    region->next = list.first.load();
    list.first.store(region, std::memory_order_release);
  }
  return region;
}

PEFT_INLINE void MappedRegion::give_back(MappedRegion* region) noexcept {
  const std::lock_guard lock(mapped_region::list.changing);
  const std::byte* data = region->data.exchange(nullptr);
  if (data != nullptr) ::munmap(const_cast<std::byte*>(data), region->size.load());
  ::close(region->file);
  region->file = -1;
}

PEFT_INLINE const MappedRegion* MappedRegion::holding(const void* address) {
  const MappedRegion* region = mapped_region::list.first.load(std::memory_order_acquire);
  while (region != nullptr && !region->holds(address)) region = region->next;
  return region;
}

PEFT_INLINE void MappedRegion::each(const std::function<void(const MappedRegion&)>& f) {
  const std::lock_guard lock(mapped_region::list.changing);
  for (const MappedRegion* region = mapped_region::list.first.load(); region != nullptr; region = region->next)
    if (region->file >= 0) f(*region);
}

PEFT_INLINE void require_unchanged(const std::string& advice) {
  MappedRegion::each([&](const MappedRegion& region) {
    const FileStamp &then = region.then, now = region.now();
    if (now.same_content(then)) return;
    fail(region.path, " was written to while it was mapped (", then.size, " bytes of ",
         mapped_region::moment(then.modified), ", now ", now.size, " of ", mapped_region::moment(now.modified),
         "): what was computed since then is of neither content", advice);
  });
}

PEFT_INLINE std::vector<std::string> replaced_files() {
  std::vector<std::string> paths;
  MappedRegion::each([&](const MappedRegion& region) {
    struct ::stat found {};
    const bool there = ::stat(region.path.c_str(), &found) == 0;
    if (!there || found.st_dev != region.then.device || found.st_ino != region.then.inode) paths.push_back(region.path);
  });
  return paths;
}

}  // namespace peft
