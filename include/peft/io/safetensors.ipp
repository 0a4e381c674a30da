// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <memory>
#include <utility>

#include <peft/io/mapped_file.hpp>
#include <peft/io/safetensors.hpp>
#include <peft/io/safetensors_header.hpp>

namespace peft {

PEFT_INLINE SafeTensors SafeTensors::open(const std::filesystem::path& path) {
  auto file = std::make_shared<const MappedFile>(path);
  auto header = read_safetensors_header(file->bytes(), path.string());
  return {path.string(), std::move(header.tensors), std::move(header.metadata), std::move(file)};
}

}  // namespace peft
