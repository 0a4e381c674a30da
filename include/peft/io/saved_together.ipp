// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <iterator>
#include <nlohmann/json.hpp>
#include <vector>

#include <peft/core/error.hpp>
#include <peft/core/exact.hpp>
#include <peft/io/checksum.hpp>
#include <peft/io/delta_file.hpp>
#include <peft/io/hash.hpp>
#include <peft/io/peft_adapter.hpp>
#include <peft/io/safetensors.hpp>
#include <peft/io/saved_together.hpp>

namespace peft {

namespace saved_together {

// Of the keys that PEFT has for a kind: what they say changes no number once the tensors are there.
constexpr std::string_view names[] = {
    "auto_mapping",       "base_model_name_or_path", "inference_mode",    "peft_version",          "revision",
    "task_type",          "megatron_core",           "init_lora_weights", "init_ia3_weights",      "init_weights",
    "prompt_tuning_init", "prompt_tuning_init_text", "tokenizer_kwargs",  "tokenizer_name_or_path"};

// One text for what means the same: 16 and 16.0, lists of names in any order.
PEFT_INLINE std::string plain(const nlohmann::json& value) {
  if (value.is_number()) return exact(value.get<double>());
  std::vector<std::string> parts;
  if (value.is_array())
    for (const auto& part : value) parts.push_back(plain(part));
  else if (value.is_object())
    for (const auto& [key, part] : value.items()) parts.push_back(cat(key, ":", plain(part)));
  else
    return value.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  std::ranges::sort(parts);
  std::string text;
  for (const std::string& part : parts) text += part + ",";
  return cat("[", text, "]");
}

PEFT_INLINE std::string note(const TensorFile& file, std::string_view key) {
  const auto found = file.metadata().find(std::string(key));
  return found == file.metadata().end() ? "" : found->second;
}

}  // namespace saved_together

PEFT_INLINE std::string hash_of_config(const PeftAdapter& adapter) {
  nlohmann::json config = default_config(adapter.kind());
  for (auto& [key, value] : config.items())
    if (const auto given = adapter.config.find(key); given != adapter.config.end() && !given->is_null()) value = *given;
  Hash hash;
  for (const auto& [key, value] : config.items())
    if (std::ranges::find(saved_together::names, key) == std::end(saved_together::names))
      hash.add(std::string_view(key)).add(std::string_view(saved_together::plain(value)));
  return hash_text(hash.value());
}

PEFT_INLINE void check_config(const TensorFile& tensors, const PeftAdapter& adapter) {
  const std::string then = saved_together::note(tensors, config_note);
  if (then.empty() || then == hash_of_config(adapter)) return;
  fail(
      adapter.source, ": adapter_config.json is not the one that ",
      std::filesystem::path(tensors.path()).filename().string(),
      " was saved with: one of the two was copied or changed without the other, or is of a save that was cut off. Take both from one "
      "save; a run of finetune that is still there writes both again with --resume. A config that was edited on purpose counts once PEFT "
      "has loaded and saved the adapter");
}

PEFT_INLINE void check_one_save(const std::filesystem::path& folder) {
  const auto weights = folder / "adapter_model.safetensors";
  if (!has_delta(folder) || !std::filesystem::exists(weights)) return;
  const std::string meant = saved_together::note(SafeTensors::open(folder / delta_file_name), adapter_note);
  if (!meant.empty() && meant == saved_together::note(SafeTensors::open(weights), checksum_key)) return;
  fail(
      folder.string(), ": holds ", delta_file_name,
      " and an adapter (adapter_model.safetensors) that are not of one save: it cannot be told which is "
      "meant. Move one of them to another folder; a run of finetune that is still there writes its own again with --resume");
}

PEFT_INLINE void commit_save(AtomicFiles& files, const std::filesystem::path& folder) {
  for (const char* name : {"adapter_config.json", "adapter_model.safetensors", delta_file_name})
    files.remove(folder / name);
  files.commit();
}

}  // namespace peft
