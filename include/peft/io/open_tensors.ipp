// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <peft/io/open_tensors.hpp>
#include <peft/io/safetensors.hpp>
#include <peft/io/torch/torch_file.hpp>

namespace peft {

PEFT_INLINE TensorFile open_tensors(const std::filesystem::path& path) {
  const auto form = path.extension();
  if (form == ".bin" || form == ".pt" || form == ".pth") return TorchFile::open(path);
  return SafeTensors::open(path);
}

}  // namespace peft
