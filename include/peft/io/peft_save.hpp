// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <cctype>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <vector>

#include <peft/core/error.hpp>
#include <peft/io/atomic_file.hpp>
#include <peft/io/json.hpp>
#include <peft/io/peft_lora.hpp>
#include <peft/io/safetensors_write.hpp>

namespace peft {

namespace peft_save {

inline void check(const LoraModule& m) {
  const auto plain = [](unsigned char c) { return std::isalnum(c) != 0 || c == '_' || c == '.' || c == '-'; };
  require(!m.path.empty() && std::all_of(m.path.begin(), m.path.end(), plain), "cannot save the LoRA module \"", m.path,
          "\": a path of letters, digits, \"_\", \"-\" and \".\" was expected");
  require(m.rank >= 0 && m.in > 0 && m.out > 0, "cannot save ", m.path, ": rank ", m.rank, ", in ", m.in, ", out ",
          m.out, " are no sizes");
  const auto rank = static_cast<std::size_t>(m.rank);
  require(m.A.size() == rank * static_cast<std::size_t>(m.in) && m.B.size() == rank * static_cast<std::size_t>(m.out),
          "cannot save ", m.path, ": A has ", m.A.size(), " and B ", m.B.size(), " values, expected (", m.rank, ", ",
          m.in, ") and (", m.out, ", ", m.rank, ")");
  require(std::isfinite(m.alpha), "cannot save ", m.path, ": alpha is ", m.alpha);
}

// PEFT refuses rank 0 and an empty list of targets. When nothing is left, one module of rank 1 stands for it: B is
// zero, so it adds nothing; A is not, so that it could be trained on.
inline std::vector<LoraModule> kept_modules(const PeftLora& lora) {
  require(!lora.modules.empty(),
          "cannot save a LoRA adapter without any module; give the modules that were pruned away rank 0, so that their "
          "paths and sizes are known");
  std::vector<LoraModule> kept;
  std::set<std::string> paths;
  for (const auto& module : lora.modules) {
    check(module);
    require(paths.insert(module.path).second, "cannot save ", module.path, ": it is listed twice");
    if (module.rank > 0) kept.push_back(module);
  }
  if (!kept.empty()) return kept;
  LoraModule one = lora.modules.front();
  one.rank = 1;
  one.alpha = 1;
  one.A.assign(static_cast<std::size_t>(one.in), 1.0f / std::sqrt(static_cast<float>(one.in)));
  one.B.assign(static_cast<std::size_t>(one.out), 0.0f);
  return {one};
}

// PEFT looks a module up by (.*\.)?(key)$: a path that other paths end in needs an anchor.
inline std::string pattern_key(const std::string& path, const std::vector<LoraModule>& modules) {
  for (const auto& other : modules)
    if (other.path != path && ends_in_name(other.path, path)) return "^" + path;
  return path;
}

// Python readers expect 16, not 16.0, where a number is whole.
inline nlohmann::json plain_number(double value) {
  if (value == std::floor(value) && std::abs(value) < 1e15) return static_cast<std::int64_t>(value);
  return value;
}

// The smallest set of keys, because older versions of PEFT refuse keys that they do not know. Sorted, as PEFT does.
inline nlohmann::json config_of(const PeftLora& lora, const std::vector<LoraModule>& modules) {
  const auto text_or_null = [](const std::string& text) {
    return text.empty() ? nlohmann::json(nullptr) : nlohmann::json(text);
  };
  const LoraModule& first = modules.front();
  const bool uniform = std::all_of(modules.begin(), modules.end(),
                                   [&](const LoraModule& m) { return m.rank == first.rank && m.alpha == first.alpha; });
  const bool named = std::all_of(modules.begin(), modules.end(), [&](const LoraModule& m) {
    return std::any_of(lora.targets.begin(), lora.targets.end(),
                       [&](const std::string& target) { return ends_in_name(m.path, target); });
  });
  std::vector<std::string> targets = lora.targets;
  if (!uniform || !named || modules.size() != lora.modules.size()) {
    targets.clear();
    for (const auto& m : modules) targets.push_back(m.path);
  }
  std::set<std::string> saved;  // the modules of the head
  for (const auto& tensor : lora.head) saved.insert(tensor.name.substr(0, tensor.name.rfind('.')));

  nlohmann::json config;
  config["peft_type"] = "LORA";
  config["task_type"] = text_or_null(lora.task_type);
  config["base_model_name_or_path"] = text_or_null(lora.base_model);
  config["inference_mode"] = true;
  config["r"] = first.rank;
  config["lora_alpha"] = plain_number(first.alpha);
  config["lora_dropout"] = lora.dropout;
  config["target_modules"] = targets;
  config["bias"] = "none";
  config["fan_in_fan_out"] = false;
  config["modules_to_save"] = nullptr;
  if (!saved.empty()) config["modules_to_save"] = saved;
  if (!uniform)
    for (const auto& m : modules) {
      const std::string key = pattern_key(m.path, modules);
      config["rank_pattern"][key] = m.rank;
      config["alpha_pattern"][key] = plain_number(m.alpha);
    }
  return config;
}

}  // namespace peft_save

/// Writes `adapter_config.json` and `adapter_model.safetensors` into `folder` (made when missing), each atomically, the
/// config last. Modules of rank 0 are left out; when all are, one of rank 1 with a zero B is written in their place.
/// Throws Error for sizes that do not fit, names used twice, and when writing fails.
inline void save_peft_lora(const std::filesystem::path& folder, const PeftLora& lora) {
  const auto modules = peft_save::kept_modules(lora);
  require(lora.dropout >= 0 && lora.dropout < 1, "cannot save an adapter with dropout ", lora.dropout);
  std::vector<NamedTensor> tensors;
  for (const auto& m : modules) {
    const std::string start = "base_model.model." + m.path;
    tensors.push_back({start + ".lora_A.weight", DType::F32, {m.rank, m.in}, m.A.data()});
    tensors.push_back({start + ".lora_B.weight", DType::F32, {m.out, m.rank}, m.B.data()});
  }
  for (const auto& tensor : lora.head) {
    require(tensor.name.rfind('.') != std::string::npos && tensor.name.find("lora_") == std::string::npos,
            "cannot save the head's tensor \"", tensor.name, "\": a name such as classifier.weight was expected");
    tensors.push_back(named(tensor));
    tensors.back().name = "base_model.model." + tensor.name;
  }
  const auto config_file = folder / "adapter_config.json";
  const std::string config = to_text(peft_save::config_of(lora, modules), 2, config_file.string());
  std::error_code problem;
  std::filesystem::create_directories(folder, problem);
  require(!problem, "cannot make the folder ", folder, ": ", problem.message());
  write_safetensors(folder / "adapter_model.safetensors", tensors);
  write_file(config_file, config + "\n");
}

}  // namespace peft
