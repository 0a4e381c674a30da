// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <nlohmann/json.hpp>

#include <peft/core/error.hpp>
#include <peft/io/check_finite.hpp>
#include <peft/io/checksum.hpp>
#include <peft/io/delta_file.hpp>
#include <peft/io/json.hpp>
#include <peft/io/json_fields.hpp>
#include <peft/io/near_names.hpp>
#include <peft/io/safetensors.hpp>
#include <peft/io/safetensors_write.hpp>
#include <peft/io/saved_together.hpp>

namespace peft {

PEFT_INLINE const std::string& DeltaFile::setting(const std::string& key) const {
  const auto found = settings.find(key);
  if (found != settings.end()) return found->second;
  std::string known;
  for (const auto& [name, value] : settings) known += " " + name;
  fail("the saved delta (method ", method, ") has no setting \"", key, "\"; it has:", known);
}

PEFT_INLINE const HostTensor& DeltaFile::tensor(std::string_view name) const {
  std::vector<std::string> names;
  for (const auto& one : tensors) {
    if (one.name == name) return one;
    names.push_back(one.name);
  }
  fail("the saved delta (method ", method, ") has no tensor \"", name, "\"", near_names(name, names));
}

PEFT_INLINE void stage_delta(AtomicFiles& files, const std::filesystem::path& folder, const DeltaFile& delta,
                             const std::string& adapter) {
  const auto path = folder / delta_file_name;
  require(!delta.method.empty(), "cannot write ", path, ": the method has no name");
  std::vector<NamedTensor> tensors;
  for (const auto& tensor : delta.tensors) tensors.push_back(named(tensor));
  std::map<std::string, std::string> metadata{{"format", "peft.hpp"},
                                              {"version", delta_file_version},
                                              {"method", delta.method},
                                              {"settings", to_text(nlohmann::json(delta.settings), -1, path.string())}};
  if (!adapter.empty()) metadata.emplace(adapter_note, adapter);
  write_safetensors(files.add(path), tensors, metadata);
}

PEFT_INLINE void save_delta(const std::filesystem::path& folder, const DeltaFile& delta) {
  AtomicFiles files;
  stage_delta(files, folder, delta);
  commit_save(files, folder);
}

PEFT_INLINE bool has_delta(const std::filesystem::path& folder) {
  return std::filesystem::exists(folder / delta_file_name);
}

PEFT_INLINE DeltaFile load_delta(const std::filesystem::path& folder) {
  check_one_save(folder);
  const SafeTensors file = SafeTensors::open(folder / delta_file_name);
  check_checksum(file);
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
    check_finite(tensor, file.path());
    result.tensors.push_back({name, tensor.shape, tensor.values<float>()});
  }
  return result;
}

}  // namespace peft
