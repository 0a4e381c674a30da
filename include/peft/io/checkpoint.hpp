// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <peft/core/inline.hpp>
#include <peft/io/tensor_ref.hpp>

namespace peft {

/// The weights of a Hugging Face model folder behind one interface: `model.safetensors`, the shards that
/// `model.safetensors.index.json` lists, or, where there is neither, `pytorch_model.bin` or its shards. Copies share
/// the mappings; a TensorRef is valid while any copy lives.
class Checkpoint {
 public:
  /// `path`: the folder, or one file of weights. Throws Error when there are none, or when index and shards disagree
  /// about any tensor.
  static Checkpoint open(const std::filesystem::path& path);

  /// The tensor, or nullptr.
  const TensorRef* find(std::string_view name) const;

  /// The tensor; the error for a name that is not there lists near ones.
  const TensorRef& at(std::string_view name) const;

  const std::vector<std::string>& names() const;

  /// Of the first file.
  const std::map<std::string, std::string>& metadata() const;

  const std::string& path() const;

  /// The file that holds this tensor.
  const std::string& path(const TensorRef& tensor) const;

 private:
  struct Content;

  explicit Checkpoint(std::shared_ptr<const Content> content) : content_(std::move(content)) {}
  static Checkpoint open_files(const std::filesystem::path& path);
  static Checkpoint open_shards(const std::filesystem::path& list);

  std::shared_ptr<const Content> content_;
};

}  // namespace peft

#ifndef PEFT_SEPARATE
#include <peft/io/checkpoint.ipp>
#endif
