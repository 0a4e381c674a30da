// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <cstdint>
#include <limits>
#include <unordered_set>

#include <peft/core/error.hpp>
#include <peft/io/torch/byte_reader.hpp>
#include <peft/io/torch/zip.hpp>

namespace peft {

namespace zip {

using Bytes = std::span<const std::byte>;

enum Signature : std::uint32_t {
  local_file = 0x04034b50,
  directory_file = 0x02014b50,
  end64 = 0x06064b50,
  end64_place = 0x07064b50
};
PEFT_INLINE constexpr std::size_t end_size = 22, end64_place_size = 20, longest_comment = 65535;
// What a field of 16 or 32 bits holds when ZIP64's field has the number.
PEFT_INLINE constexpr std::uint64_t elsewhere16 = 0xffff, elsewhere32 = 0xffffffff;

struct Directory {
  std::uint64_t count = 0, size = 0, begin = 0;
};

PEFT_INLINE void expect(ByteReader& from, Signature signature, const char* what) {
  if (from.number<std::uint32_t>() != signature)
    from.refuse("there is no ", what, " before it; the archive is damaged");
}

/// The last record of the archive, behind which there may be a comment.
PEFT_INLINE std::size_t find_end(Bytes bytes, const std::string& file) {
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  for (std::size_t before = bytes.size(); before >= end_size;) {
    const auto at = text.rfind("PK\x05\x06", before - end_size);
    if (at == text.npos || bytes.size() - end_size - at > longest_comment) break;
    if (ByteReader(bytes, file, at + end_size - 2).number<std::uint16_t>() == bytes.size() - end_size - at) return at;
    before = at + end_size - 1;
  }
  fail(file, ": the directory at the end of the archive is missing; the file is damaged or was cut off");
}

PEFT_INLINE Directory find_directory(Bytes bytes, const std::string& file) {
  const std::size_t last = find_end(bytes, file);
  ByteReader record(bytes, file, last + 4);
  const auto disk = record.number<std::uint16_t>(), first_disk = record.number<std::uint16_t>();
  const auto here = record.number<std::uint16_t>();
  Directory found{record.number<std::uint16_t>(), record.number<std::uint32_t>(), record.number<std::uint32_t>()};
  if (found.count == elsewhere16 || found.size == elsewhere32 || found.begin == elsewhere32) {
    if (last < end64_place_size) fail(file, ": the directory of the archive is damaged");
    ByteReader place(bytes, file, last - end64_place_size);
    expect(place, end64_place, "ZIP64 locator");
    place.bytes(4);
    const auto at = place.number<std::uint64_t>();
    if (at > last) place.refuse("the directory would begin at ", at, ", outside of the file");
    ByteReader wide(bytes, file, at);
    expect(wide, end64, "ZIP64 directory");
    wide.bytes(8 + 2 + 2 + 4 + 4 + 8);  // sizes and versions of the record, disks, files of this disk
    found = {wide.number<std::uint64_t>(), wide.number<std::uint64_t>(), wide.number<std::uint64_t>()};
  } else if (disk != 0 || first_disk != 0 || here != found.count) {
    fail(file, ": the archive has several parts");
  }
  if (found.begin > last || found.size > last - found.begin)
    fail(file, ": the archive's directory lies outside of the file");
  return found;
}

/// A field of ZIP64's extra data where `value` says that it is there.
PEFT_INLINE void widen(std::uint64_t& value, ByteReader& extra) {
  if (value == elsewhere32) value = extra.number<std::uint64_t>();
}

/// The content of the extra field of that kind; without any bytes when there is none.
PEFT_INLINE Bytes extra_field(ByteReader extra, std::uint16_t wanted) {
  while (extra.left() >= 4) {
    const auto kind = extra.number<std::uint16_t>();
    const auto content = extra.bytes(extra.number<std::uint16_t>());
    if (kind == wanted) return content;
  }
  return {};
}

struct Placed {
  ZipEntry entry;
  std::size_t begin, end;  // with its own header
};

PEFT_INLINE Placed read_entry(ByteReader& directory, Bytes bytes, const std::string& file) {
  expect(directory, directory_file, "file's entry");
  directory.bytes(4);
  const auto flags = directory.number<std::uint16_t>(), method = directory.number<std::uint16_t>();
  directory.bytes(4 + 4);  // time, checksum
  std::uint64_t stored = directory.number<std::uint32_t>(), size = directory.number<std::uint32_t>();
  const auto name_size = directory.number<std::uint16_t>(), extra_size = directory.number<std::uint16_t>(),
             comment = directory.number<std::uint16_t>();
  directory.bytes(2 + 2 + 4);
  std::uint64_t begin = directory.number<std::uint32_t>();
  const auto name = directory.text(name_size);
  ByteReader wide(extra_field(ByteReader(directory.bytes(extra_size), directory.where()), 1),
                  cat(directory.where(), ": ZIP64 field of ", name));
  widen(size, wide), widen(stored, wide), widen(begin, wide);
  directory.bytes(comment);
  if ((flags & 1) != 0) fail(file, ": ", name, " is encrypted");
  if (method != 0 || stored != size)
    fail(file, ": ", name, " is compressed (method ", method,
         "); PyTorch stores plainly: unzip the file, and zip it again with \"zip -0 -r\"");
  if (begin > bytes.size()) fail(file, ": ", name, " begins at ", begin, ", outside of the file");
  ByteReader local(bytes, cat(file, ": ", name), begin);
  expect(local, local_file, "file's header");
  local.bytes(22);  // what the directory says too
  const auto local_name = local.number<std::uint16_t>(), local_extra = local.number<std::uint16_t>();
  if (local.text(local_name) != name) local.refuse("the directory has another name for this file");
  local.bytes(local_extra);
  const auto content = local.bytes(size);
  return {{name, content}, static_cast<std::size_t>(begin), local.at()};
}

PEFT_INLINE void check_apart(std::vector<Placed> files, std::size_t directory, const std::string& file) {
  std::sort(files.begin(), files.end(), [](const Placed& a, const Placed& b) { return a.begin < b.begin; });
  for (std::size_t i = 0; i < files.size(); ++i)
    if (files[i].end > (i + 1 < files.size() ? files[i + 1].begin : directory))
      fail(file, ": ", files[i].entry.name, " overlaps what follows it in the archive");
}

}  // namespace zip

PEFT_INLINE std::vector<ZipEntry> read_stored_zip(std::span<const std::byte> bytes, const std::string& file) {
  const auto place = zip::find_directory(bytes, file);
  ByteReader directory(bytes.subspan(place.begin, place.size), file + ": directory");
  std::vector<zip::Placed> placed;
  std::vector<ZipEntry> entries;
  std::unordered_set<std::string_view> names;
  for (std::uint64_t i = 0; i < place.count; ++i) {
    placed.push_back(zip::read_entry(directory, bytes, file));
    entries.push_back(placed.back().entry);
    if (!names.insert(entries.back().name).second) fail(file, ": ", entries.back().name, " is twice in the archive");
  }
  if (directory.left() != 0) directory.refuse("more follows than the ", place.count, " files that were announced");
  zip::check_apart(std::move(placed), place.begin, file);
  return entries;
}

}  // namespace peft
