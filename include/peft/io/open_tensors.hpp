// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <filesystem>

#include <peft/core/inline.hpp>
#include <peft/io/tensor_file.hpp>

namespace peft {

/// A file of weights: PyTorch's own (.bin, .pt, .pth) by its name, else safetensors.
TensorFile open_tensors(const std::filesystem::path& path);

}  // namespace peft

#ifndef PEFT_SEPARATE
#include <peft/io/open_tensors.ipp>
#endif
