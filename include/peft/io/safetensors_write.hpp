// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <vector>

#include <peft/core/dtype.hpp>
#include <peft/core/inline.hpp>
#include <peft/io/atomic_file.hpp>
#include <peft/io/tensor_ref.hpp>

namespace peft {

/// A tensor to be written: row-major, `data` holds the product of `shape` elements of `dtype`.
struct NamedTensor {
  std::string name;
  DType dtype = DType::F32;
  std::vector<std::int64_t> shape;
  const void* data = nullptr;
};

/// A float tensor as something to write; refers to its data. Throws when shape and data disagree.
NamedTensor named(const HostTensor& tensor);

/// Writes a safetensors file, atomically. Wider dtypes come first, so that every tensor is aligned; the header is
/// padded with spaces to a multiple of 8 bytes. `metadata` {"format": "pt"} is what Hugging Face's loaders ask for; a
/// checksum of all that is written joins it (io/checksum.hpp). Throws Error for a name used twice, an impossible shape,
/// missing data, a number that is not finite, or when writing fails (the old file stays).
void write_safetensors(const std::filesystem::path& path, std::span<const NamedTensor> tensors,
                       const std::map<std::string, std::string>& metadata = {{"format", "pt"}});

/// The same into a file that is put in place later; returns the file's checksum (io/checksum.hpp).
std::string write_safetensors(AtomicFile& to, std::span<const NamedTensor> tensors,
                              const std::map<std::string, std::string>& metadata);

}  // namespace peft

#ifndef PEFT_SEPARATE
#include <peft/io/safetensors_write.ipp>
#endif
