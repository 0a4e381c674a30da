// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <peft/core/inline.hpp>
#include <peft/io/json_fields.hpp>
#include <peft/io/name_pattern.hpp>

namespace peft {

/// The settings of an `adapter_config.json` for LoRA that say how its tensors are meant.
class PeftLoraConfig {
 public:
  /// Throws Error naming the key for another kind of adapter, for variants of LoRA that compute something else, and
  /// for values of the wrong type.
  PeftLoraConfig(const nlohmann::json& document, const std::string& file);

  /// Whether target_modules (a list of name endings, or one regular expression) means the module.
  bool is_target(const std::string& path) const;

  int rank_of(const std::string& path) const;

  /// The numerator of the scale: PEFT divides by the rank, or by its root with use_rslora.
  double alpha_of(const std::string& path) const;

  const std::string& where() const { return fields_.where(); }

  int rank = 8;
  double alpha = 8, dropout = 0;
  bool root_scale = false, magnitudes = false;
  std::string base_model, task_type;

 private:
  struct Names {
    bool absent = true;
    std::vector<std::string> endings;
    std::optional<NamePattern> pattern;

    bool mean(const std::string& path) const;
  };
  using Patterns = std::vector<std::pair<NamePattern, double>>;

  void check_initialisation() const;
  Names names(std::string_view key) const;
  Patterns patterns(std::string_view key, double low, double high) const;
  static double pattern_value(const Patterns& patterns, const std::string& path, double otherwise);

  JsonFields fields_;
  Names targets_, excluded_;
  Patterns ranks_, alphas_;
};

}  // namespace peft

#ifndef PEFT_SEPARATE
#include <peft/io/peft_config.ipp>
#endif
