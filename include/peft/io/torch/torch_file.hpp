// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstddef>
#include <filesystem>
#include <span>
#include <string>

#include <peft/core/inline.hpp>
#include <peft/io/tensor_file.hpp>
#include <peft/io/torch/state_dict.hpp>

namespace peft {

/// A file that torch.save wrote of a state dict, mapped read-only: pytorch_model.bin, adapter_model.bin. Nothing in it
/// is run.
class TorchFile : public TensorFile {
 public:
  /// Throws Error naming the file (and the tensor) when it is missing, damaged, or holds anything but tensors.
  static TorchFile open(const std::filesystem::path& path);

 private:
  using TensorFile::TensorFile;
};

/// The tensors of such a file given as all its bytes: a zip archive of a pickle and a file per storage (PyTorch 1.6 and
/// later), or pickles with the storages behind them. The tensors point into the bytes or into the copies.
pickle::StateDict read_torch_file(std::span<const std::byte> bytes, const std::string& file);

}  // namespace peft

#ifndef PEFT_SEPARATE
#include <peft/io/torch/torch_file.ipp>
#endif
