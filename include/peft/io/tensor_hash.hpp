// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include <peft/core/inline.hpp>
#include <peft/io/tensor_ref.hpp>

namespace peft {

/// A tensor of an open file, under the name by which it is known, which its file may spell otherwise.
struct NamedRef {
  std::string name;
  const TensorRef* tensor;
};

/// What tensors are, in one number: their names, types, shapes and bytes in the order of the names, whatever files hold
/// them. Bytes of a mapped file are read past the map, by a few threads, so that nothing of it becomes a part of this
/// process. Throws Error where a file has been shortened or cannot be read.
std::uint64_t tensor_hash(std::vector<NamedRef> tensors);

/// The same, looked up in the user's cache (PEFT_CACHE, XDG_CACHE_HOME/peft.hpp or ~/.cache/peft.hpp) for files that
/// are as they were when it was noted there, by device, inode, size and times, and noted there otherwise. A cache that
/// cannot be read or written is none.
std::uint64_t cached_tensor_hash(const std::vector<NamedRef>& tensors);

}  // namespace peft

#ifndef PEFT_SEPARATE
#include <peft/io/tensor_hash.ipp>
#endif
