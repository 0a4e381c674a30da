// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <peft/core/error.hpp>
#include <peft/io/json.hpp>
#include <peft/io/json_fields.hpp>
#include <peft/io/near_names.hpp>
#include <peft/io/safetensors.hpp>
#include <peft/io/safetensors_write.hpp>

namespace peft {

/// A trained delta of any method, for the methods that Hugging Face PEFT does not have: one safetensors file
/// `peft_delta.safetensors` whose metadata holds format "peft.hpp", version "1", the method's name and its settings (a
/// JSON object of strings).
struct DeltaFile {
  std::string method;                           // "sora"
  std::map<std::string, std::string> settings;  // what else is needed to attach it again: "rank", "sites", ...
  std::vector<HostTensor> tensors;              // head included, under their names in the model

  /// Throws Error naming the settings that exist.
  const std::string& setting(const std::string& key) const {
    const auto found = settings.find(key);
    if (found != settings.end()) return found->second;
    std::string known;
    for (const auto& [name, value] : settings) known += " " + name;
    fail("the saved delta (method ", method, ") has no setting \"", key, "\"; it has:", known);
  }

  /// Throws Error naming near tensors.
  const HostTensor& tensor(std::string_view name) const {
    std::vector<std::string> names;
    for (const auto& one : tensors) {
      if (one.name == name) return one;
      names.push_back(one.name);
    }
    fail("the saved delta (method ", method, ") has no tensor \"", name, "\"", near_names(name, names));
  }
};

inline constexpr const char* delta_file_name = "peft_delta.safetensors";
inline constexpr const char* delta_file_version = "1";

/// Writes `folder`/peft_delta.safetensors atomically (the folder is made when missing).
/// Throws Error for an empty method, data that does not fit its shape, a name used twice, and when writing fails.
inline void save_delta(const std::filesystem::path& folder, const DeltaFile& delta) {
  const auto path = folder / delta_file_name;
  require(!delta.method.empty(), "cannot write ", path, ": the method has no name");
  std::vector<NamedTensor> tensors;
  for (const auto& tensor : delta.tensors) tensors.push_back(named(tensor));
  std::error_code problem;
  std::filesystem::create_directories(folder, problem);
  require(!problem, "cannot make the folder ", folder, ": ", problem.message());
  write_safetensors(path, tensors,
                    {{"format", "peft.hpp"},
                     {"version", delta_file_version},
                     {"method", delta.method},
                     {"settings", to_text(nlohmann::json(delta.settings), -1, path.string())}});
}

/// Whether the folder holds such a file.
inline bool has_delta(const std::filesystem::path& folder) { return std::filesystem::exists(folder / delta_file_name); }

/// Reads it again, tensors in the order written. Throws Error for a file of another format or version, a missing entry,
/// a damaged file, and tensors that are not F32.
inline DeltaFile load_delta(const std::filesystem::path& folder) {
  const SafeTensors file = SafeTensors::open(folder / delta_file_name);
  const auto entry = [&](const char* key) {
    const auto found = file.metadata().find(key);
    if (found == file.metadata().end())
      fail(file.path(), ": its metadata has no \"", key, "\"; it is not a saved delta");
    return found->second;
  };
  if (entry("format") != "peft.hpp")
    fail(file.path(), ": its format is ", shown(entry("format")), ", expected \"peft.hpp\"; it is not a saved delta");
  if (entry("version") != delta_file_version)
    fail(file.path(), ": it has version ", shown(entry("version")), ", this library reads version ", delta_file_version,
         "; use the release that wrote it, or a newer one");
  DeltaFile result;
  result.method = entry("method");
  require(!result.method.empty(), file.path(), ": the method in its metadata has no name");
  const std::string where = file.path() + ": settings";
  const auto settings = parse_json(entry("settings"), where);
  const JsonFields fields(settings, where);
  for (const auto& [key, value] : settings.items()) result.settings.emplace(key, fields.text(key));
  for (const auto& name : file.names()) {
    const TensorRef& tensor = file.at(name);
    if (tensor.dtype != DType::F32)
      fail(file.path(), ": the tensor \"", name, "\" is ", peft::name(tensor.dtype), ", expected F32");
    result.tensors.push_back({name, tensor.shape, tensor.values<float>()});
  }
  return result;
}

}  // namespace peft
