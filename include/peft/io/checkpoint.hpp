// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstddef>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include <peft/core/error.hpp>
#include <peft/io/json.hpp>
#include <peft/io/json_fields.hpp>
#include <peft/io/near_names.hpp>
#include <peft/io/safetensors.hpp>
#include <peft/io/tensor_ref.hpp>

namespace peft {

/// The weights of a Hugging Face model folder: `model.safetensors`, or the shards that `model.safetensors.index.json`
/// lists, behind one interface. Copies share the mappings; a TensorRef is valid while any copy lives.
class Checkpoint {
 public:
  /// `path`: the folder, or one .safetensors file. Throws Error when there are no safetensors (with the way to make
  /// them from a PyTorch file that is there), or when index and shards disagree about any tensor.
  static Checkpoint open(const std::filesystem::path& path) {
    namespace fs = std::filesystem;
    std::error_code ignored;
    if (fs::is_regular_file(path, ignored)) return Checkpoint(path.string(), {SafeTensors::open(path)});
    require(fs::is_directory(path, ignored), "cannot open the model ", path,
            ": no such folder; expected a Hugging Face model folder or a .safetensors file");
    if (fs::exists(path / "model.safetensors", ignored))
      return Checkpoint(path.string(), {SafeTensors::open(path / "model.safetensors")});
    if (fs::exists(path / "model.safetensors.index.json", ignored)) return open_shards(path);
    for (const char* old : {"pytorch_model.bin", "pytorch_model.bin.index.json"})
      if (fs::exists(path / old, ignored)) fail(path, " holds ", old, " but no model.safetensors", how_to_convert);
    fail(path, ": there is neither model.safetensors nor model.safetensors.index.json in it");
  }

  /// The tensor, or nullptr.
  const TensorRef* find(std::string_view name) const {
    const auto found = tensors_.find(name);
    return found == tensors_.end() ? nullptr : found->second;
  }

  /// The tensor; the error for a name that is not there lists near ones.
  const TensorRef& at(std::string_view name) const {
    const TensorRef* found = find(name);
    if (found == nullptr) fail(path_, ": there is no tensor \"", name, "\"", near_names(name, names_));
    return *found;
  }

  const std::vector<std::string>& names() const { return names_; }

  /// Of the first file.
  const std::map<std::string, std::string>& metadata() const { return files_.front().metadata(); }

  const std::string& path() const { return path_; }

 private:
  static constexpr const char* how_to_convert =
      "; PyTorch's pickled files are not read because they can run code. Convert it once, where PyTorch is installed: "
      "python3 -c \"from transformers import AutoModelForPreTraining as M; "
      "M.from_pretrained('DIR').save_pretrained('DIR', safe_serialization=True)\" with the folder as DIR (the class "
      "that the config names under architectures keeps its head)";

  Checkpoint(std::string path, std::vector<SafeTensors> files) : path_(std::move(path)), files_(std::move(files)) {
    for (const auto& file : files_)
      for (const auto& name : file.names()) {
        const TensorRef& tensor = file.at(name);
        if (!tensors_.emplace(tensor.name, &tensor).second)
          fail(path_, ": the tensor \"", name, "\" is in more than one file, again in ", file.path());
        names_.push_back(name);
      }
  }

  static Checkpoint open_shards(const std::filesystem::path& folder) {
    const auto path = folder / "model.safetensors.index.json";
    const std::string where = path.string();
    const auto index = parse_json_file(path);
    const JsonFields map(JsonFields(index, where).at("weight_map"), where + ": weight_map");
    std::map<std::string, std::size_t> shards;  // file name to the number of tensors expected of it
    const auto& entries = index.at("weight_map");
    for (const auto& [name, file] : entries.items()) {
      const std::string shard = map.text(name);
      // an index must not lead out of its folder
      if (shard.empty() || std::filesystem::path(shard).filename() != shard || shard == "." || shard == "..")
        map.refuse(name, "the name of a file in the same folder");
      ++shards[shard];
    }
    require(!shards.empty(), where, ": the weight_map lists no tensor");
    std::vector<SafeTensors> files;
    for (const auto& [shard, count] : shards) files.push_back(SafeTensors::open(folder / shard));
    Checkpoint result(folder.string(), std::move(files));
    for (const auto& file : result.files_) {
      const auto shard = std::filesystem::path(file.path()).filename().string();
      for (const auto& name : file.names())
        if (const auto entry = entries.find(name); entry == entries.end() || *entry != shard)
          fail(where, ": the tensor \"", name, "\" of ", shard, " is not listed there");
      if (file.names().size() != shards.at(shard))
        for (const auto& [name, listed] : entries.items())
          if (listed == shard && file.find(name) == nullptr)
            fail(where, ": lists the tensor \"", name, "\" in ", shard, ", which does not hold it");
    }
    return result;
  }

  std::string path_;
  std::vector<SafeTensors> files_;
  std::vector<std::string> names_;
  std::unordered_map<std::string_view, const TensorRef*> tensors_;  // into the files' shared content
};

}  // namespace peft
