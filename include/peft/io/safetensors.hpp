// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <filesystem>

#include <peft/core/inline.hpp>
#include <peft/io/tensor_file.hpp>

namespace peft {

/// A safetensors file, mapped read-only and validated as a whole before anything is handed out: the header is strict
/// JSON, every range lies inside the file, fits its shape and dtype, and ranges neither overlap nor leave gaps.
class SafeTensors : public TensorFile {
 public:
  /// Throws Error naming the file (and the tensor) when it is missing or breaks the format in any way.
  static SafeTensors open(const std::filesystem::path& path);

 private:
  using TensorFile::TensorFile;
};

}  // namespace peft

#ifndef PEFT_SEPARATE
#include <peft/io/safetensors.ipp>
#endif
