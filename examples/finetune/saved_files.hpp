// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <filesystem>
#include <string>
#include <system_error>
#include <vector>

/// What runs save of a model in --out, beside the checkpoints of their own.
inline constexpr const char* saved_names[] = {"adapter_config.json",
                                              "adapter_model.safetensors",
                                              "peft_delta.safetensors",
                                              "pruned/adapter_config.json",
                                              "pruned/adapter_model.safetensors",
                                              "nonzeros.tsv",
                                              "sparsity.tsv",
                                              "special_token_norms.tsv"};

/// Those that are there.
inline std::vector<std::filesystem::path> saved_files(const std::filesystem::path& out) {
  std::vector<std::filesystem::path> there;
  std::error_code absent;
  for (const char* name : saved_names)
    if (std::filesystem::exists(out / name, absent)) there.push_back(out / name);
  return there;
}

/// The checkpoints of a run: run.safetensors, and of a schedule one per step.
inline std::vector<std::filesystem::path> checkpoints(const std::filesystem::path& out) {
  std::vector<std::filesystem::path> there;
  std::error_code absent;
  for (const auto& entry : std::filesystem::directory_iterator(out, absent)) {
    const std::string name = entry.path().filename().string();
    if (name == "run.safetensors" || (name.starts_with("run-step-") && name.ends_with(".safetensors")))
      there.push_back(entry.path());
  }
  return there;
}
