// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <vector>

#include <peft/core/error.hpp>
#include <peft/io/checksum.hpp>
#include <peft/io/hash.hpp>

namespace peft {

PEFT_INLINE std::string checksum(std::span<const TensorRef> tensors,
                                 const std::map<std::string, std::string>& metadata) {
  std::vector<const TensorRef*> order;
  for (const TensorRef& t : tensors) order.push_back(&t);
  std::ranges::sort(order, {}, &TensorRef::name);
  Hash hash;
  hash.add(static_cast<std::uint64_t>(order.size()));
  for (const TensorRef* t : order) {
    hash.add(t->name).add(name(t->dtype)).add(static_cast<std::uint64_t>(t->shape.size()));
    for (const std::int64_t extent : t->shape) hash.add(static_cast<std::uint64_t>(extent));
    hash.add(t->bytes);
  }
  for (const auto& [key, value] : metadata)
    if (key != checksum_key) hash.add(key).add(value);
  return hash_text(hash.value());
}

PEFT_INLINE void check_checksum(const TensorFile& file) {
  const auto noted = file.metadata().find(std::string(checksum_key));
  if (noted == file.metadata().end()) return;
  std::vector<TensorRef> tensors;
  for (const std::string& name : file.names()) tensors.push_back(file.at(name));
  const std::string found = checksum(tensors, file.metadata());
  require(
      found == noted->second, file.path(), ": its content is not what was written: the checksum is ", found, ", ",
      checksum_key, " in its metadata says ", shown(noted->second),
      ". It is damaged: take another copy. Where a program changed it on purpose and kept that entry, save it without (safetensors' save_file without metadata)");
}

}  // namespace peft
