// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstddef>
#include <unordered_map>
#include <utility>

#include <peft/core/error.hpp>
#include <peft/io/mapped_file.hpp>
#include <peft/io/near_names.hpp>
#include <peft/io/safetensors.hpp>
#include <peft/io/safetensors_header.hpp>

namespace peft {

struct SafeTensors::Content {
  explicit Content(const std::filesystem::path& from) : file(from) {}
  MappedFile file;
  std::string path;
  SafeTensorsHeader header;
  std::vector<std::string> names;
  std::unordered_map<std::string_view, std::size_t> index;  // views into header.tensors
};

PEFT_INLINE SafeTensors SafeTensors::open(const std::filesystem::path& path) {
  SafeTensors result;
  auto content = std::make_shared<Content>(path);
  content->path = path.string();
  content->header = read_safetensors_header(content->file.bytes(), content->path);
  for (std::size_t i = 0; i < content->header.tensors.size(); ++i) {
    content->names.push_back(content->header.tensors[i].name);
    content->index.emplace(content->header.tensors[i].name, i);
  }
  result.content_ = std::move(content);
  return result;
}

PEFT_INLINE const TensorRef* SafeTensors::find(std::string_view name) const {
  const auto found = content_->index.find(name);
  return found == content_->index.end() ? nullptr : &content_->header.tensors[found->second];
}

PEFT_INLINE const TensorRef& SafeTensors::at(std::string_view name) const {
  const TensorRef* found = find(name);
  if (found == nullptr) fail(path(), ": there is no tensor \"", name, "\"", near_names(name, names()));
  return *found;
}

PEFT_INLINE const std::vector<std::string>& SafeTensors::names() const { return content_->names; }

PEFT_INLINE const std::map<std::string, std::string>& SafeTensors::metadata() const {
  return content_->header.metadata;
}

PEFT_INLINE const std::string& SafeTensors::path() const { return content_->path; }

}  // namespace peft
