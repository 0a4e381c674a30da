// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <peft/core/inline.hpp>
#include <peft/io/tensor_ref.hpp>

namespace peft {

/// A safetensors file, mapped read-only and validated as a whole before anything is handed out: the header is strict
/// JSON, every range lies inside the file, fits its shape and dtype, and ranges neither overlap nor leave gaps.
/// Copies share the mapping; a TensorRef is valid while any copy lives.
class SafeTensors {
 public:
  /// Throws Error naming the file (and the tensor) when it is missing or breaks the format in any way.
  static SafeTensors open(const std::filesystem::path& path);

  /// The tensor, or nullptr.
  const TensorRef* find(std::string_view name) const;

  /// The tensor; the error for a name that is not there lists near ones.
  const TensorRef& at(std::string_view name) const;

  /// In the order of the data.
  const std::vector<std::string>& names() const;

  /// The header's free key-value pairs ("format": "pt", ...).
  const std::map<std::string, std::string>& metadata() const;

  const std::string& path() const;

 private:
  struct Content;

  SafeTensors() = default;
  std::shared_ptr<const Content> content_;
};

}  // namespace peft

#ifndef PEFT_SEPARATE
#include <peft/io/safetensors.ipp>
#endif
