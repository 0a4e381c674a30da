// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <filesystem>
#include <vector>

#include <peft/io/safetensors.hpp>
#include <peft/io/safetensors_write.hpp>

/// Writes a file of tensors as another library would, without the notes that ours has in its metadata: an adapter's
/// config may then be changed.
inline void make_foreign(const std::filesystem::path& path) {
  const peft::SafeTensors file = peft::SafeTensors::open(path);
  std::vector<peft::NamedTensor> tensors;
  for (const auto& name : file.names())
    tensors.push_back({name, file.at(name).dtype, file.at(name).shape, file.at(name).bytes.data()});
  peft::write_safetensors(path, tensors);
}
