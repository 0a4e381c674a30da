// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <peft/core/inline.hpp>

namespace peft {

/// A file in a zip archive; both parts point into the archive's bytes.
struct ZipEntry {
  std::string_view name;
  std::span<const std::byte> bytes;
};

/// The files of a zip archive (PKWARE's APPNOTE, also with ZIP64's sizes) that is given as all its bytes, in the order
/// of its directory. Only stored files, as PyTorch writes them: their bytes are the archive's own. Throws Error naming
/// `file` for compressed or encrypted ones, files that overlap or lie outside, and names that occur twice.
std::vector<ZipEntry> read_stored_zip(std::span<const std::byte> bytes, const std::string& file);

}  // namespace peft

#ifndef PEFT_SEPARATE
#include <peft/io/torch/zip.ipp>
#endif
