// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>

#include <peft/core/inline.hpp>
#include <peft/io/tensor_file.hpp>

namespace peft {

/// The key of a file's metadata under which its writer says what it wrote.
inline constexpr std::string_view checksum_key = "peft.hpp.checksum";

/// What a file of tensors says, as 16 digits: its tensors' names, types, shapes and bytes, in the order of their names,
/// and its metadata but for the checksum itself.
std::string checksum(std::span<const TensorRef> tensors, const std::map<std::string, std::string>& metadata);

/// Throws Error where a file's content is not what its writer noted. A file without a note, as other libraries write,
/// is accepted. Reads the whole file: for files of what was trained, not for backbones.
void check_checksum(const TensorFile& file);

}  // namespace peft

#ifndef PEFT_SEPARATE
#include <peft/io/checksum.ipp>
#endif
