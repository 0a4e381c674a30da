// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstddef>
#include <nlohmann/json.hpp>
#include <system_error>
#include <unordered_map>

#include <peft/core/error.hpp>
#include <peft/io/checkpoint.hpp>
#include <peft/io/json.hpp>
#include <peft/io/json_fields.hpp>
#include <peft/io/model_folder.hpp>
#include <peft/io/near_names.hpp>
#include <peft/io/open_tensors.hpp>

namespace peft {

struct Checkpoint::Content {
  Content(std::string from, std::vector<TensorFile> given) : path(std::move(from)), files(std::move(given)) {
    for (const auto& file : files)
      for (const auto& name : file.names()) {
        const TensorRef& tensor = file.at(name);
        if (!tensors.emplace(tensor.name, &tensor).second)
          fail(path, ": the tensor \"", name, "\" is in more than one file, again in ", file.path());
        names.push_back(name);
      }
  }

  std::string path;
  std::vector<TensorFile> files;
  std::vector<std::string> names;
  std::unordered_map<std::string_view, const TensorRef*> tensors;  // into the files' shared content
};

PEFT_INLINE Checkpoint Checkpoint::open_files(const std::filesystem::path& path) {
  namespace fs = std::filesystem;
  std::error_code ignored;
  const auto only = [&](const fs::path& file) {
    return Checkpoint(std::make_shared<Content>(path.string(), std::vector{open_tensors(file)}));
  };
  if (fs::is_regular_file(path, ignored)) return only(path);
  for (const char* name : {"model.safetensors", "pytorch_model.bin"}) {
    const auto file = path / name, index = path / (std::string(name) + ".index.json");
    if (fs::exists(file, ignored)) return only(file);
    if (fs::exists(index, ignored)) return open_shards(index);
  }
  fail(path, ": its weights cannot be opened");
}

PEFT_INLINE Checkpoint Checkpoint::open(const std::filesystem::path& path) {
  const auto checkpoint = [&] {
    try {
      return open_files(path);
    } catch (const Error&) {
      check_model_folder(path);  // what it is instead says more than what is wrong with it
      throw;
    }
  }();
  if (const auto why = why_no_weights(path, checkpoint.names())) fail(*why);
  return checkpoint;
}

PEFT_INLINE const TensorRef* Checkpoint::find(std::string_view name) const {
  const auto found = content_->tensors.find(name);
  return found == content_->tensors.end() ? nullptr : found->second;
}

PEFT_INLINE const TensorRef& Checkpoint::at(std::string_view name) const {
  const TensorRef* found = find(name);
  if (found == nullptr) fail(path(), ": there is no tensor \"", name, "\"", near_names(name, names()));
  return *found;
}

PEFT_INLINE const std::vector<std::string>& Checkpoint::names() const { return content_->names; }

PEFT_INLINE const std::map<std::string, std::string>& Checkpoint::metadata() const {
  return content_->files.front().metadata();
}

PEFT_INLINE const std::string& Checkpoint::path() const { return content_->path; }

PEFT_INLINE const std::string& Checkpoint::path(const TensorRef& tensor) const {
  for (const auto& file : content_->files)
    if (file.find(tensor.name) == &tensor) return file.path();
  return path();
}

PEFT_INLINE Checkpoint Checkpoint::open_shards(const std::filesystem::path& list) {
  const auto folder = list.parent_path();
  const std::string where = list.string();
  const auto index = parse_json_file(list);
  const JsonFields map(JsonFields(index, where).at("weight_map"), where + ": weight_map");
  std::map<std::string, std::size_t> shards;  // file name to the number of tensors expected of it
  const auto& entries = index.at("weight_map");
  for (const auto& [name, file] : entries.items()) {
    const std::string shard = map.text(name);
    // an index must not lead out of its folder
    if (shard.empty() || std::filesystem::path(shard).filename() != shard || shard == "." || shard == ".." ||
        shard.find('\0') != shard.npos)
      map.refuse(name, "the name of a file in the same folder");
    ++shards[shard];
  }
  require(!shards.empty(), where, ": the weight_map lists no tensor");
  std::vector<TensorFile> files;
  for (const auto& [shard, count] : shards) files.push_back(open_tensors(folder / shard));
  auto content = std::make_shared<const Content>(folder.string(), std::move(files));
  for (const auto& file : content->files) {
    const auto shard = std::filesystem::path(file.path()).filename().string();
    for (const auto& name : file.names())
      if (const auto entry = entries.find(name); entry == entries.end() || *entry != shard)
        fail(where, ": the tensor \"", name, "\" of ", shard, " is not listed there");
    if (file.names().size() != shards.at(shard))
      for (const auto& [name, listed] : entries.items())
        if (listed == shard && file.find(name) == nullptr)
          fail(where, ": lists the tensor \"", name, "\" in ", shard, ", which does not hold it");
  }
  return Checkpoint(std::move(content));
}

}  // namespace peft
