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

PEFT_INLINE PeftLoraConfig::PeftLoraConfig(const PeftAdapter& adapter)
    : fields_(adapter.fields()),
      targets_(adapter, fields_),
      ranks_(adapter, fields_, "rank_pattern", 1, 1 << 20),
      alphas_(adapter, fields_, "alpha_pattern", -1e6, 1e6) {
  if (fields_.text("peft_type") != "LORA") fields_.refuse("peft_type", "\"LORA\" (the only kind read here)");
  check_common(fields_);
  for (const char* key : {"lora_bias", "use_qalora"})
    if (fields_.boolean(key, false)) fields_.refuse(key, "false (LoRA and DoRA are the forms read)");
  for (const char* key : {"alora_invocation_tokens", "arrow_config", "kasa_config", "layer_replication",
                          "monteclora_config", "target_parameters", "use_bdlora", "velora_config"})
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
}

PEFT_INLINE int PeftLoraConfig::rank_of(const std::string& path, int found) const {
  const double value = ranks_.value(path, rank).value_or(found);
  require(value == std::floor(value), fields_.where(), ": the rank_pattern of ", path, " is not a whole number");
  return static_cast<int>(value);
}

PEFT_INLINE double PeftLoraConfig::alpha_of(const std::string& path, int module_rank) const {
  std::string problem;
  const auto given = alphas_.value(path, alpha, &problem);
  if (!given) fail(problem, "; without it the scale of ", path, " is not known");
  return root_scale ? *given * std::sqrt(static_cast<double>(module_rank)) : *given;
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

}  // namespace peft
