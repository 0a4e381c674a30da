// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <peft/core/inline.hpp>
#include <peft/io/tensor_ref.hpp>

namespace peft {

/// Tensors by name in one mapped file of whichever format. Copies share the mapping; a TensorRef is valid while any
/// copy lives.
class TensorFile {
 public:
  /// The tensor, or nullptr.
  const TensorRef* find(std::string_view name) const;

  /// The tensor; the error for a name that is not there lists near ones.
  const TensorRef& at(std::string_view name) const;

  /// In the order of the file.
  const std::vector<std::string>& names() const;

  /// The file's free key-value pairs ("format": "pt", ...), where its format has any.
  const std::map<std::string, std::string>& metadata() const;

  const std::string& path() const;

 protected:
  /// `owner` keeps the tensors' bytes.
  TensorFile(std::string path, std::vector<TensorRef> tensors, std::map<std::string, std::string> metadata,
             std::shared_ptr<const void> owner);

 private:
  struct Content;
  std::shared_ptr<const Content> content_;
};

}  // namespace peft

#ifndef PEFT_SEPARATE
#include <peft/io/tensor_file.ipp>
#endif
