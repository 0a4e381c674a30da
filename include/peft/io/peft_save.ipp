// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <cctype>
#include <cmath>
#include <cstddef>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <vector>

#include <peft/core/error.hpp>
#include <peft/io/peft_adapter.hpp>
#include <peft/io/peft_carried.hpp>
#include <peft/io/peft_save.hpp>

namespace peft {

namespace peft_save {

PEFT_INLINE void check(const LoraModule& m) {
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
PEFT_INLINE std::vector<LoraModule> kept_modules(const PeftLora& lora) {
  require(!lora.modules.empty() || !lora.merged.empty(),
          "cannot save a LoRA adapter without any module; give the modules that were pruned away rank 0, so that their "
          "paths and sizes are known");
  std::vector<LoraModule> kept;
  std::set<std::string> paths;
  for (const auto& module : lora.modules) {
    check(module);
    require(paths.insert(module.path).second, "cannot save ", module.path, ": it is listed twice");
    if (module.rank > 0) kept.push_back(module);
  }
  for (const auto& module : lora.merged) {
    check(module);
    kept.push_back(module);
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
PEFT_INLINE std::string pattern_key(const std::string& path, const std::vector<LoraModule>& modules) {
  for (const auto& other : modules)
    if (other.path != path && ends_in_name(other.path, path)) return "^" + path;
  return path;
}

// What PEFT calls alpha.
PEFT_INLINE nlohmann::json alpha_of(const PeftLora& lora, const LoraModule& m) {
  return lora.root_scale ? rounded_number(m.alpha / std::sqrt(static_cast<double>(m.rank))) : plain_number(m.alpha);
}

PEFT_INLINE void fill_config(nlohmann::json& config, const PeftLora& lora, const std::vector<LoraModule>& modules) {
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
  config["r"] = first.rank;
  config["lora_alpha"] = alpha_of(lora, first);
  config["lora_dropout"] = lora.dropout;
  config["target_modules"] = targets;
  if (lora.root_scale) config["use_rslora"] = true;
  if (!first.magnitude.empty()) config["use_dora"] = true;
  if (!uniform)
    for (const auto& m : modules) {
      const std::string key = pattern_key(m.path, modules);
      config["rank_pattern"][key] = m.rank;
      config["alpha_pattern"][key] = alpha_of(lora, m);
    }
}

}  // namespace peft_save

PEFT_INLINE PeftAdapter adapter_of(const PeftLora& lora) {
  const auto modules = peft_save::kept_modules(lora);
  require(lora.dropout >= 0 && lora.dropout < 1, "cannot save an adapter with dropout ", lora.dropout);
  PeftAdapter a = new_adapter("LORA", lora.base_model, lora.head, "base_model.model.", lora.task_type);
  a.labels = lora.labels;
  peft_save::fill_config(a.config, lora, modules);
  for (const auto& m : modules) {
    const std::string start = "base_model.model." + m.path;
    require(m.magnitude.empty() == modules.front().magnitude.empty(), "cannot save ", m.path,
            ": DoRA is for all modules or for none");
    a.add(start + (m.embedding ? ".lora_embedding_A" : ".lora_A.weight"), {m.rank, m.in}, m.A);
    a.add(start + (m.embedding ? ".lora_embedding_B" : ".lora_B.weight"), {m.out, m.rank}, m.B);
    if (!m.magnitude.empty()) a.add(start + ".lora_magnitude_vector", {m.out}, m.magnitude);
  }
  if (lora.carried) carry_over(*lora.carried, a);
  return a;
}

PEFT_INLINE void save_peft_lora(const std::filesystem::path& folder, const PeftLora& lora) {
  save_peft(folder, adapter_of(lora));
}

PEFT_INLINE std::string stage_peft_lora(AtomicFiles& files, const std::filesystem::path& folder, const PeftLora& lora) {
  return stage_peft(files, folder, adapter_of(lora));
}

}  // namespace peft
