// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include <peft/core/error.hpp>
#include <peft/io/peft_adapter.hpp>
#include <peft/io/peft_config.hpp>
#include <peft/io/peft_lora.hpp>

namespace peft {

PEFT_INLINE PeftLoraConfig::PeftLoraConfig(const nlohmann::json& document, const std::string& file)
    : fields_(document, file) {
  if (fields_.text("peft_type") != "LORA") fields_.refuse("peft_type", "\"LORA\" (the only kind read here)");
  check_plain(fields_);
  for (const char* key : {"lora_bias", "use_qalora"})
    if (fields_.boolean(key, false)) fields_.refuse(key, "false (LoRA and DoRA are the forms read)");
  for (const char* key :
       {"alora_invocation_tokens", "arrow_config", "kasa_config", "layer_replication", "monteclora_config",
        "target_parameters", "trainable_token_indices", "use_bdlora", "velora_config"})
    if (const auto* value = fields_.find(key); value != nullptr && !value->empty() && *value != false)
      fields_.refuse(key, "null (LoRA and DoRA are the forms read)");
  check_initialisation();
  rank = static_cast<int>(fields_.integer("r", 1, 1 << 20, 8));
  alpha = fields_.number("lora_alpha", -1e6, 1e6, 8);
  root_scale = fields_.boolean("use_rslora", false);
  magnitudes = fields_.boolean("use_dora", false);
  dropout = fields_.number("lora_dropout", 0, 1, 0);
  base_model = fields_.text("base_model_name_or_path", "");
  task_type = fields_.text("task_type", "");
  targets_ = names("target_modules");
  excluded_ = names("exclude_modules");
  ranks_ = patterns("rank_pattern", 1, 1 << 20);
  alphas_ = patterns("alpha_pattern", -1e6, 1e6);
}

PEFT_INLINE bool PeftLoraConfig::is_target(const std::string& path) const {
  return !excluded_.mean(path) && (targets_.absent || targets_.mean(path));
}

PEFT_INLINE int PeftLoraConfig::rank_of(const std::string& path) const {
  const double value = pattern_value(ranks_, path, rank);
  require(value == std::floor(value), fields_.where(), ": the rank_pattern of ", path, " is not a whole number");
  return static_cast<int>(value);
}

PEFT_INLINE double PeftLoraConfig::alpha_of(const std::string& path) const {
  const double given = pattern_value(alphas_, path, alpha);
  return root_scale ? given * std::sqrt(static_cast<double>(rank_of(path))) : given;
}

PEFT_INLINE bool PeftLoraConfig::Names::mean(const std::string& path) const {
  if (pattern) return pattern->matches(path);
  return std::any_of(endings.begin(), endings.end(), [&](const std::string& e) { return ends_in_name(path, e); });
}

// These change the backbone's own weights when PEFT attaches the adapter.
PEFT_INLINE void PeftLoraConfig::check_initialisation() const {
  const auto* value = fields_.find("init_lora_weights");
  if (value == nullptr || value->is_boolean()) return;
  for (const char* harmless : {"gaussian", "eva", "orthogonal"})
    if (*value == harmless) return;
  fields_.refuse(
      "init_lora_weights",
      "true, false, \"gaussian\", \"eva\" or \"orthogonal\"; others change the backbone's weights: have PEFT "
      "convert it by save_pretrained(..., path_initial_model_for_weight_conversion=...)");
}

PEFT_INLINE PeftLoraConfig::Names PeftLoraConfig::names(std::string_view key) const {
  Names result;
  const auto* value = fields_.find(key);
  if (value == nullptr || *value == "all-linear") return result;
  result.absent = false;
  if (value->is_string())
    result.pattern.emplace(value->get<std::string>());
  else
    result.endings = fields_.texts(key);
  return result;
}

// A key counts for every path that ends in it, as a regular expression: (.*\.)?(key)$.
PEFT_INLINE PeftLoraConfig::Patterns PeftLoraConfig::patterns(std::string_view key, double low, double high) const {
  Patterns result;
  const auto* value = fields_.find(key);
  if (value == nullptr) return result;
  const JsonFields entries(*value, cat(fields_.where(), ": ", key));
  for (const auto& [name, unused] : value->items())
    result.emplace_back(NamePattern("(.*\\.)?(" + name + ")"), entries.number(name, low, high));
  return result;
}

PEFT_INLINE double PeftLoraConfig::pattern_value(const Patterns& patterns, const std::string& path, double otherwise) {
  for (const auto& [pattern, value] : patterns)
    if (pattern.matches(path)) return value;
  return otherwise;
}

}  // namespace peft
