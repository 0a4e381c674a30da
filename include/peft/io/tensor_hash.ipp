// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <charconv>
#include <chrono>
#include <cstddef>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <mutex>
#include <optional>
#include <span>
#include <system_error>
#include <thread>
#include <tuple>
#include <utility>

#include <peft/core/dtype.hpp>
#include <peft/core/error.hpp>
#include <peft/io/hash.hpp>
#include <peft/io/mapped_region.hpp>
#include <peft/io/tensor_hash.hpp>

namespace peft {

namespace tensor_hash_parts {

/// Tensors are hashed in pieces, which any thread may take: the hash of a tensor is that of its pieces' hashes. So much
/// stays in a core's cache.
PEFT_INLINE constexpr std::size_t piece_size = std::size_t{256} << 10;

struct Piece {
  std::span<const std::byte> bytes;
  std::uint64_t hash = 0;
};

PEFT_INLINE std::uint64_t hash_of(std::span<const std::byte> bytes, std::vector<std::byte>& room) {
  if (const MappedRegion* region = MappedRegion::holding(bytes.data())) {
    region->read(bytes, room.data());
    bytes = std::span(room).first(bytes.size());
  }
  return Hash().add(bytes).value();
}

PEFT_INLINE void hash_all(std::vector<Piece>& pieces) {
  std::atomic<std::size_t> next{0};
  std::mutex failing;
  std::exception_ptr problem;
  const auto work = [&] {
    try {
      std::vector<std::byte> room(piece_size);
      for (std::size_t i = next++; i < pieces.size(); i = next++) pieces[i].hash = hash_of(pieces[i].bytes, room);
    } catch (...) {
      const std::lock_guard lock(failing);
      problem = std::current_exception();
      next = pieces.size();
    }
  };
  {
    constexpr std::size_t most = 4, worth_a_thread = 16;  // threads in all; pieces
    const std::size_t threads =
        std::min({most, std::size_t{std::thread::hardware_concurrency()}, pieces.size() / worth_a_thread});
    std::vector<std::jthread> others;
    try {
      while (others.size() + 1 < threads) others.emplace_back(work);
    } catch (const std::system_error&) {
    }  // fewer, where the system gives no more
    work();
  }
  if (problem) std::rethrow_exception(problem);
}

/// In the order of their names, two of one name in that of their files' own.
PEFT_INLINE void sort(std::vector<NamedRef>& tensors) {
  std::ranges::sort(tensors, [](const NamedRef& a, const NamedRef& b) {
    return std::tie(a.name, a.tensor->name) < std::tie(b.name, b.tensor->name);
  });
}

PEFT_INLINE void add_description(Hash& hash, const NamedRef& t) {
  hash.add(t.name).add(name(t.tensor->dtype)).add(static_cast<std::uint64_t>(t.tensor->shape.size()));
  for (const std::int64_t extent : t.tensor->shape) hash.add(static_cast<std::uint64_t>(extent));
}

/// An entry of the cache: the file's name, and what it begins with, the hash following.
struct Entry {
  std::filesystem::path file;
  std::string key;
};

PEFT_INLINE std::filesystem::path cache_folder() {
  for (const auto& [variable, below] :
       {std::pair{"PEFT_CACHE", ""}, {"XDG_CACHE_HOME", "peft.hpp"}, {"HOME", ".cache/peft.hpp"}})
    if (const char* value = std::getenv(variable); value != nullptr && std::filesystem::path(value).is_absolute())
      return std::filesystem::path(value) / below / "weights";
  return {};
}

/// None where there is no cache, where a tensor is in no file that is mapped, and where a file was written to so lately
/// that a further write might leave its time as it is: file systems count in up to two seconds.
PEFT_INLINE std::optional<Entry> entry_of(const std::vector<NamedRef>& tensors) {
  const auto folder = cache_folder();
  if (folder.empty()) return {};
  std::map<const MappedRegion*, std::size_t> regions;
  Hash layout, files;
  for (const NamedRef& t : tensors) {
    if (t.tensor->bytes.empty()) continue;
    const MappedRegion* region = MappedRegion::holding(t.tensor->bytes.data());
    if (region == nullptr) return {};
    const auto number = regions.emplace(region, regions.size()).first->second;
    add_description(layout, t);
    layout.add(std::uint64_t{number}).add(static_cast<std::uint64_t>(t.tensor->bytes.data() - region->data.load()));
  }
  std::vector<const MappedRegion*> order(regions.size());
  for (const auto& [region, number] : regions) order[number] = region;
  const auto now =
      std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::system_clock::now().time_since_epoch()).count();
  std::string key = "peft.hpp weights 1\n";
  for (const MappedRegion* region : order) {
    const FileStamp s = region->now();
    if (s.modified > now - 2'000'000'000) return {};
    files.add(s.device).add(s.inode);
    key += cat(s.device, " ", s.inode, " ", s.size, " ", s.modified, " ", s.changed, "\n");
  }
  return Entry{folder / hash_text(files.value()), key + hash_text(layout.value()) + "\n"};
}

PEFT_INLINE std::optional<std::uint64_t> look_up(const Entry& entry) {
  std::ifstream in(entry.file, std::ios::binary);
  const std::string text(std::istreambuf_iterator<char>(in), {});
  std::uint64_t value = 0;
  if (text.size() != entry.key.size() + 17 || !text.starts_with(entry.key)) return {};
  const char *begin = text.data() + entry.key.size(), *end = begin + 16;
  if (const auto [at, problem] = std::from_chars(begin, end, value, 16); problem != std::errc() || at != end) return {};
  return value;
}

/// By renaming, but without waiting for the disk: what a power cut leaves of it is no entry.
PEFT_INLINE void note(const Entry& entry, std::uint64_t value) {
  namespace fs = std::filesystem;
  std::error_code ignored;
  fs::create_directories(entry.file.parent_path(), ignored);
  const fs::path part = entry.file.string() + cat(".", ::getpid(), ".tmp");
  const bool whole = static_cast<bool>(std::ofstream(part, std::ios::binary) << entry.key << hash_text(value) << "\n"
                                                                             << std::flush);
  if (whole) fs::rename(part, entry.file, ignored);
  if (!whole || ignored) fs::remove(part, ignored);
}

}  // namespace tensor_hash_parts

PEFT_INLINE std::uint64_t tensor_hash(std::vector<NamedRef> tensors) {
  using namespace tensor_hash_parts;
  sort(tensors);
  std::vector<Piece> pieces;
  for (const NamedRef& t : tensors)
    for (auto rest = t.tensor->bytes; !rest.empty(); rest = rest.subspan(pieces.back().bytes.size()))
      pieces.push_back({rest.first(std::min(rest.size(), piece_size))});
  hash_all(pieces);
  Hash hash;
  auto piece = pieces.begin();
  for (const NamedRef& t : tensors) {
    add_description(hash, t);
    for (std::size_t done = 0; done < t.tensor->bytes.size(); done += (piece++)->bytes.size()) hash.add(piece->hash);
  }
  return hash.value();
}

PEFT_INLINE std::uint64_t cached_tensor_hash(const std::vector<NamedRef>& tensors) {
  using namespace tensor_hash_parts;
  const std::optional<Entry> entry = entry_of(tensors);
  if (entry)
    if (const auto known = look_up(*entry)) return *known;
  const std::uint64_t value = tensor_hash(tensors);
  if (entry)
    if (const auto after = entry_of(tensors); after && after->key == entry->key) note(*entry, value);
  return value;
}

}  // namespace peft
