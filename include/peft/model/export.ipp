// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <system_error>

#include <peft/core/transposed.hpp>
#include <peft/io/atomic_files.hpp>
#include <peft/io/json.hpp>
#include <peft/io/mapped_file.hpp>
#include <peft/io/safetensors_write.hpp>
#include <peft/model/export.hpp>

namespace peft {

namespace model_export {

PEFT_INLINE void add_tensor(Changed& changed, const std::string& path, const char* name, std::vector<float> values) {
  const bool fresh = changed.emplace(path + "." + name, std::move(values)).second;
  require(fresh, "merge: two deltas on ", path, "; merge one after the other");
}

PEFT_INLINE void check(const std::filesystem::path& source, const std::filesystem::path& folder,
                       const std::string& architecture) {
  std::error_code absent;
  require(!std::filesystem::equivalent(source, folder, absent), "cannot export into ", folder,
          ": it holds the backbone itself; give another folder");
  require(!architecture.empty(),
          "cannot export: Hugging Face has no classifier on the mean of all tokens; train one on the first");
}

PEFT_INLINE HostTensor as_stored(const std::string& name, std::int64_t rows, std::int64_t cols, bool transposed,
                                 bool vector, std::vector<float> values) {
  if (transposed) return {name, {cols, rows}, peft::transposed(values, rows, cols)};
  if (vector) return {name, {cols}, std::move(values)};
  return {name, {rows, cols}, std::move(values)};
}

PEFT_INLINE ExportedConfig config(const std::string& architecture, std::size_t outputs, bool regression,
                                  const std::vector<std::string>& labels) {
  ExportedConfig exported;
  exported.architecture = architecture;
  for (std::size_t i = 0; i < outputs; ++i) exported.labels.push_back(i < labels.size() ? labels[i] : cat("LABEL_", i));
  if (architecture.ends_with("ForSequenceClassification"))
    exported.problem_type = regression ? "regression" : "single_label_classification";
  return exported;
}

// What an exported folder has as its source has it.
constexpr const char* copied[] = {"tokenizer.json",
                                  "tokenizer_config.json",
                                  "vocab.txt",
                                  "special_tokens_map.json",
                                  "added_tokens.json",
                                  "spiece.model",
                                  "spm.model",
                                  "vocab.json",
                                  "merges.txt",
                                  "sentencepiece.bpe.model",
                                  "generation_config.json"};

PEFT_INLINE void write(const std::filesystem::path& source, const std::filesystem::path& folder,
                       const std::map<std::string, HostTensor>& tensors, const ExportedConfig& exported) {
  namespace fs = std::filesystem;
  std::vector<NamedTensor> list;
  for (const auto& [name, t] : tensors) list.push_back(named(t));
  AtomicFiles files;
  write_safetensors(files.add(folder / "model.safetensors"), list, {{"format", "pt"}});

  auto config = parse_json_file(source / "config.json");
  config["architectures"] = {exported.architecture};
  config.erase("dtype");
  config["torch_dtype"] = "float32";
  for (const auto& [key, count] : exported.layer_counts) config[key] = count;
  if (auto types = config.find("layer_types"); types != config.end() && types->is_array())
    types->get_ref<nlohmann::json::array_t&>().resize(exported.layers);
  config.erase("num_labels");
  config["id2label"] = nlohmann::json::object();
  config["label2id"] = nlohmann::json::object();
  for (std::size_t i = 0; i < exported.labels.size(); ++i) {
    config["id2label"][std::to_string(i)] = exported.labels[i];
    config["label2id"][exported.labels[i]] = i;
  }
  config.erase("problem_type");
  if (!exported.problem_type.empty()) config["problem_type"] = exported.problem_type;
  for (const char* file : copied) {
    if (fs::exists(source / file))
      files.add(folder / file).write(MappedFile(source / file).text());
    else
      files.remove(folder / file);  // of an earlier export, from another backbone
  }
  files.add_seal(folder / "config.json").write(config.dump(2) + "\n");
  files.commit();
}

}  // namespace model_export

}  // namespace peft
