// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include <peft/core/dtype.hpp>
#include <peft/core/error.hpp>
#include <peft/io/mapped_file.hpp>
#include <peft/io/near_names.hpp>
#include <peft/io/safetensors_header.hpp>
#include <peft/io/tensor_ref.hpp>

namespace peft {

/// A safetensors file, mapped read-only and validated as a whole before anything is handed out: the header is strict
/// JSON, every range lies inside the file, fits its shape and dtype, and ranges neither overlap nor leave gaps.
/// Copies share the mapping; a TensorRef is valid while any copy lives.
class SafeTensors {
 public:
  /// Throws Error naming the file (and the tensor) when it is missing or breaks the format in any way.
  static SafeTensors open(const std::filesystem::path& path) {
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

  /// The tensor, or nullptr.
  const TensorRef* find(std::string_view name) const {
    const auto found = content_->index.find(name);
    return found == content_->index.end() ? nullptr : &content_->header.tensors[found->second];
  }

  /// The tensor; the error for a name that is not there lists near ones.
  const TensorRef& at(std::string_view name) const {
    const TensorRef* found = find(name);
    if (found == nullptr) fail(path(), ": there is no tensor \"", name, "\"", near_names(name, names()));
    return *found;
  }

  /// In the order of the data.
  const std::vector<std::string>& names() const { return content_->names; }

  /// The header's free key-value pairs ("format": "pt", ...).
  const std::map<std::string, std::string>& metadata() const { return content_->header.metadata; }

  const std::string& path() const { return content_->path; }

 private:
  struct Content {
    explicit Content(const std::filesystem::path& from) : file(from) {}
    MappedFile file;
    std::string path;
    SafeTensorsHeader header;
    std::vector<std::string> names;
    std::unordered_map<std::string_view, std::size_t> index;  // views into header.tensors
  };

  SafeTensors() = default;
  std::shared_ptr<const Content> content_;
};

}  // namespace peft
