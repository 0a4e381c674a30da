// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include <peft/core/dtype.hpp>
#include <peft/core/inline.hpp>
#include <peft/io/tensor_ref.hpp>

namespace peft {

/// The format allows no longer header.
inline constexpr std::uint64_t longest_safetensors_header = 100'000'000;
/// And no more tensors are read, of which each takes some 300 bytes of memory.
inline constexpr std::size_t most_safetensors = 1'000'000;

/// What a safetensors file says about its content; the tensors point into the file's bytes, in the order of the data.
struct SafeTensorsHeader {
  std::map<std::string, std::string> metadata;
  std::vector<TensorRef> tensors;
};

namespace safetensors_header {

/// Bytes of a tensor of that shape, or nothing when 63 bits cannot hold the number.
std::optional<std::uint64_t> byte_count(std::span<const std::int64_t> shape, DType dtype);

}  // namespace safetensors_header

/// Reads and checks the header of a safetensors file given as all its bytes: 8 bytes little-endian length n, n bytes of
/// JSON, then the data. Throws Error naming `file` at anything that the format forbids.
SafeTensorsHeader read_safetensors_header(std::span<const std::byte> bytes, const std::string& file);

}  // namespace peft

#ifndef PEFT_SEPARATE
#include <peft/io/safetensors_header.ipp>
#endif
