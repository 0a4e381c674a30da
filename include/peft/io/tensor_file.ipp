// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstddef>
#include <unordered_map>

#include <peft/core/error.hpp>
#include <peft/io/near_names.hpp>
#include <peft/io/tensor_file.hpp>

namespace peft {

struct TensorFile::Content {
  std::string path;
  std::vector<TensorRef> tensors;
  std::map<std::string, std::string> metadata;
  std::shared_ptr<const void> owner;
  std::vector<std::string> names;
  std::unordered_map<std::string_view, std::size_t> index;  // views into the tensors' names
};

PEFT_INLINE TensorFile::TensorFile(std::string path, std::vector<TensorRef> tensors,
                                   std::map<std::string, std::string> metadata, std::shared_ptr<const void> owner) {
  auto content = std::make_shared<Content>();
  content->path = std::move(path);
  content->tensors = std::move(tensors);
  content->metadata = std::move(metadata);
  content->owner = std::move(owner);
  for (std::size_t i = 0; i < content->tensors.size(); ++i) {
    content->names.push_back(content->tensors[i].name);
    content->index.emplace(content->tensors[i].name, i);
  }
  content_ = std::move(content);
}

PEFT_INLINE const TensorRef* TensorFile::find(std::string_view name) const {
  const auto found = content_->index.find(name);
  return found == content_->index.end() ? nullptr : &content_->tensors[found->second];
}

PEFT_INLINE const TensorRef& TensorFile::at(std::string_view name) const {
  const TensorRef* found = find(name);
  if (found == nullptr) fail(path(), ": there is no tensor \"", name, "\"", near_names(name, names()));
  return *found;
}

PEFT_INLINE const std::vector<std::string>& TensorFile::names() const { return content_->names; }

PEFT_INLINE const std::map<std::string, std::string>& TensorFile::metadata() const { return content_->metadata; }

PEFT_INLINE const std::string& TensorFile::path() const { return content_->path; }

}  // namespace peft
